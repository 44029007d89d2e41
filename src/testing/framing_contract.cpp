#include <ferrule/testing/framing_contract.hpp>

#include "src/testing/dice.hpp"
#include "src/testing/expect.hpp"

#include <algorithm>
#include <set>

namespace ferrule::testing {
namespace {

using detail::framing_subject;
using kit::expect;
using kit::note;
using outcome = decode_status;

const limits unlimited(SIZE_MAX / 2);
constexpr std::size_t short_stream = 300; // for tests of quadratic time
constexpr std::size_t middling_stream = 4096;

std::string flat(const encoded& e)
{
    std::string all;
    for (std::size_t i = 0; i < e.parts(); ++i)
        all += e.part(i).text();
    return all;
}

/// Decodes in memory of exactly that size, which is then freed, so that a sanitizer detects reads beyond it or after
/// it.
decode_result decode(framing_subject& f, std::string_view text, const limits& l = unlimited)
{
    const bytes elsewhere{byte_view(text)};
    const decode_result r = f.decode(elsewhere, l);
    switch (r.status()) {
    case outcome::need_more: expect(r.needed() != 0, "needing more means at least one byte"); break;
    case outcome::frame:
    case outcome::skip:
        expect(r.size() != 0, "a frame makes progress");
        expect(r.size() <= text.size(), "a frame lies within what has arrived");
        break;
    case outcome::failed: expect(r.error() == condition::bad_frame, "a failure is malformed or too large"); break;
    }
    return r;
}

class contract {
public:
    contract(const framing_subject& s, std::uint64_t seed) : subject_(s), dice_(seed)
    {
        expect(s.messages() != 0, "there are messages to try");
        for (std::size_t i = 0; i < s.messages(); ++i) {
            encoded e;
            const error_code ec = s.encode(i, unlimited, e);
            expect(!ec, "message " + std::to_string(i) + " is encoded: " + ec.message());
            frames_.push_back(flat(e));
            expect(frames_.back().size() == e.size(), "the size of a frame is that of its parts");
            stream_ += frames_.back();
        }
    }

    void check_single_frames()
    {
        for (std::size_t i = 0; i < frames_.size(); ++i) {
            const note n("message " + std::to_string(i));
            const std::string& frame = frames_[i];
            for (const std::string& behind : {std::string(), frame, std::string("\0\xff,}", 4)}) {
                const auto f = subject_.fresh();
                expect_frame(*f, frame + behind, i);
            }
        }
    }

    void check_beginnings()
    {
        for (const std::string& frame : frames_) {
            for (const std::size_t cut : places(frame.size())) {
                const auto f = subject_.fresh();
                expect_need(*f, std::string_view(frame).substr(0, cut), frame.size() - cut);
            }
        }
        const auto f = subject_.fresh();
        expect(decode(*f, "").status() == outcome::need_more, "nothing is the clean end of a stream");
    }

    void check_pieces()
    {
        if (stream_.size() <= middling_stream) {
            const note n("bytes arrive one at a time");
            feed([](std::size_t) { return std::size_t{1}; });
        }
        if (stream_.size() <= short_stream) {
            for (std::size_t cut = 0; cut <= stream_.size(); ++cut) {
                const note n("the stream arrives in two pieces, of which the first has " + std::to_string(cut) +
                             " bytes");
                feed([&](std::size_t at) { return at < cut ? cut : SIZE_MAX; });
            }
        }
        for (std::size_t round = 0; round < 20; ++round) {
            const note n("random pieces, round " + std::to_string(round));
            const std::size_t max_size = std::max<std::size_t>(std::size_t{1} << round, stream_.size() / 100);
            feed([&](std::size_t) { return 1 + dice_(max_size); });
        }
    }

    void check_new_beginnings()
    {
        for (std::size_t i = 0; i < frames_.size(); ++i) {
            const std::size_t other = (i + 1) % frames_.size();
            for (const std::size_t cut : places(frames_[i].size())) {
                const auto f = subject_.fresh();
                (void)decode(*f, std::string_view(frames_[i]).substr(0, cut));
                const auto copy = f->copy();
                copy->reset();
                expect_frame(*copy, frames_[other], other);
                expect_frame(*f, frames_[i], i); // the copy has not disturbed it
                (void)decode(*f, std::string_view(frames_[i]).substr(0, cut));
                f->reset();
                expect_frame(*f, frames_[other], other);
            }
        }
    }

    void check_limits()
    {
        for (std::size_t i = 0; i < frames_.size(); ++i) {
            const note n("the limit of message " + std::to_string(i));
            // Encoding shows which size the limit counts.
            std::size_t refused = 0;
            std::size_t enough = frames_[i].size();
            expect(encodes(i, enough), "a limit of the whole frame's size is enough");
            if (encodes(i, 0))
                enough = 0;
            while (enough - refused > 1) {
                const std::size_t middle = refused + (enough - refused) / 2;
                (encodes(i, middle) ? enough : refused) = middle;
            }
            const auto f = subject_.fresh();
            const decode_result r = decode(*f, frames_[i]);
            expect(enough >= r.payload() || subject_.restores(), "a payload above the limit is not sent");
            const auto fits = subject_.fresh();
            expect(decode(*fits, frames_[i], limits(enough)).status() == outcome::frame,
                   "what may be sent may be received");
            if (enough == 0)
                continue;
            const auto over = subject_.fresh();
            for (int again = 0; again < 2; ++again) {
                const decode_result no = decode(*over, frames_[i], limits(enough - 1));
                expect(no.status() == outcome::failed && no.error() == errc::too_large,
                       "what may not be sent is not received, again and again");
            }
        }
    }

    void check_garbage()
    {
        for (std::size_t round = 0; round < 2000; ++round) {
            const note n("garbage, round " + std::to_string(round));
            std::string text = frames_[dice_(frames_.size())].substr(0, middling_stream);
            for (std::size_t changes = dice_(4); changes-- > 0 && !text.empty();)
                text[dice_(text.size())] = static_cast<char>(dice_(256));
            while (dice_.one_in(2))
                text += static_cast<char>(dice_(256));
            const limits l(dice_.one_in(2) ? 1000 : std::size_t{1} << 20);
            const auto f = subject_.fresh();
            const decode_result first = decode(*f, text, l);
            if (first.status() == outcome::frame || first.status() == outcome::skip)
                continue;
            const decode_result second = decode(*f, text, l);
            expect(second.status() == first.status() && second.error() == first.error() &&
                       second.needed() == first.needed(),
                   "the same bytes get the same answer");
        }
    }

private:
    /// All places in a short text; the ends and some of the middle of a long one. Excludes `size` itself.
    std::vector<std::size_t> places(std::size_t size)
    {
        std::set<std::size_t> s;
        for (std::size_t i = 0; i < std::min<std::size_t>(size, 64); ++i) {
            s.insert(i);
            s.insert(size - 1 - i);
            s.insert(dice_(size));
        }
        return {s.begin(), s.end()};
    }

    bool encodes(std::size_t i, std::size_t limit) const
    {
        encoded e;
        const error_code ec = subject_.encode(i, limits(limit), e);
        expect(!ec || ec == errc::too_large, "a message above the limit is too large: " + ec.message());
        return !ec;
    }

    void expect_frame(framing_subject& f, std::string_view text, std::size_t i)
    {
        const decode_result r = decode(f, text);
        expect(r.status() == outcome::frame, "a whole frame is a frame");
        expect(r.size() == frames_[i].size(), "a frame is as long as what was encoded");
        expect(f.is_message(i, byte_view(text).subspan(r.header(), r.payload())), "the message is what was encoded");
    }

    static void expect_need(framing_subject& f, std::string_view text, std::size_t missing)
    {
        const decode_result r = decode(f, text);
        expect(r.status() == outcome::need_more, "the beginning of a frame needs more");
        expect(r.needed() <= missing, "nothing is asked for that is not part of the frame");
    }

    /// Feeds the whole stream to one framing. `next(at)` tells how many bytes arrive next after the first `at`.
    template <class Next>
    void feed(Next next)
    {
        const auto f = subject_.fresh();
        std::size_t begin = 0;
        std::size_t i = 0;
        for (std::size_t end = 0; end < stream_.size();) {
            end += std::min(next(end), stream_.size() - end);
            while (i < frames_.size() && end - begin >= frames_[i].size()) {
                expect_frame(*f, std::string_view(stream_).substr(begin, end - begin), i);
                begin += frames_[i++].size();
            }
            if (i < frames_.size())
                expect_need(*f, std::string_view(stream_).substr(begin, end - begin),
                            frames_[i].size() - (end - begin));
        }
    }

    const framing_subject& subject_;
    kit::dice dice_;
    std::vector<std::string> frames_;
    std::string stream_;
};

} // namespace

void detail::check(const framing_subject& subject, std::uint64_t seed)
try {
    contract c(subject, seed);
    c.check_single_frames();
    c.check_beginnings();
    c.check_pieces();
    c.check_new_beginnings();
    c.check_limits();
    c.check_garbage();
} catch (const contract_failure& failure) {
    throw contract_failure(std::string("framing: ") + failure.what() + note::take() + ", seed " + std::to_string(seed));
}

} // namespace ferrule::testing
