// A framing written as a generator of read sizes.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace ferrule {

/// The bytes of a frame that have arrived, for its generator. Up to date whenever the generator resumes.
class arrived {
public:
    /// The frame from its first byte: exactly as many bytes as the generator asked for.
    [[nodiscard]] byte_view all() const noexcept { return all_; }
    /// The bytes that the last `co_yield` asked for.
    [[nodiscard]] byte_view last() const noexcept { return all_.last(last_); }
    /// Byte `i` of the frame as a number.
    [[nodiscard]] unsigned operator[](std::size_t i) const noexcept { return std::to_integer<unsigned>(all_[i]); }

private:
    template <class Spec>
    friend class generated;

    std::span<const std::byte> all_;
    std::size_t last_ = 0;
};

/// A coroutine that describes one frame. `co_yield n` resumes when `n` more bytes have arrived. Zero and negative sizes
/// resume immediately. It ends with `co_return decode_result::frame(header, payload)` or
/// `decode_result::failed(errc::malformed)`.
class frame_reads {
public:
    class promise_type {
    public:
        frame_reads get_return_object() { return frame_reads(handle::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void unhandled_exception() { thrown = std::current_exception(); }
        void return_value(const decode_result& r) noexcept { result = r; }
        template <std::integral Size>
        auto yield_value(Size n) noexcept
        {
            struct suspend_if {
                bool suspends;
                bool await_ready() const noexcept { return !suspends; }
                void await_suspend(std::coroutine_handle<>) const noexcept {}
                void await_resume() const noexcept {}
            };
            wanted = n > 0 ? static_cast<std::uint64_t>(n) : 0;
            return suspend_if{n > 0};
        }

        std::uint64_t wanted = 0;
        std::optional<decode_result> result;
        std::exception_ptr thrown;
    };

    frame_reads(frame_reads&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    frame_reads& operator=(frame_reads other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~frame_reads()
    {
        if (handle_)
            handle_.destroy();
    }

private:
    template <class Spec>
    friend class generated;
    using handle = std::coroutine_handle<promise_type>;

    explicit frame_reads(handle h) noexcept : handle_(h) {}

    handle handle_;
};

/// A framing that the coroutine of `Spec` describes:
///
///     struct spec {
///         using message_type = bytes;
///         frame_reads frames(const arrived& in) const; // a coroutine
///         error_code encode(std::span<const byte_view> payload, const limits&, encoded& out) const;
///     };
///
/// If messages are values, `Spec` also has `load` and its own `message_type`. The limit of the endpoint bounds whole
/// frames here, in both directions, because the payload is known only at the end. Exceptions from the generator are
/// rethrown. The frame then stays in the stream, and the next receive starts it anew. A result that is longer than the
/// bytes asked for is `errc::framing_failed`. The generator refers to its `Spec`, so a copy of the framing starts anew.
template <class Spec>
class generated : public Spec {
public:
    using typename Spec::message_type;

    generated() = default;
    explicit generated(Spec s) : Spec(std::move(s)) {}
    generated(const generated& other) : Spec(other) {}
    generated& operator=(const generated& other)
    {
        reset();
        Spec::operator=(other);
        return *this;
    }
    ~generated() = default;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l)
    {
        if (!run_)
            run_ = std::make_unique<run>(static_cast<const Spec&>(*this));
        while (run_->wanted <= buffered.size()) {
            run_->in.all_ = buffered.first(run_->wanted);
            auto& reads = run_->reads.handle_;
            reads.resume();
            if (reads.done())
                return finished();
            const std::uint64_t more = reads.promise().wanted;
            if (more > l.max_payload() || run_->wanted > l.max_payload() - more) {
                reset();
                return decode_result::failed(errc::too_large);
            }
            run_->in.last_ = static_cast<std::size_t>(more);
            run_->wanted += run_->in.last_;
        }
        return decode_result::need_more(run_->wanted - buffered.size());
    }
    [[nodiscard]] error_code encode(encode_argument<message_type> message, const limits& l, encoded& out) const
    {
        const error_code ec = Spec::encode(message, l, out);
        return !ec && out.size() > l.max_payload() ? errc::too_large : ec;
    }
    void reset() noexcept { run_.reset(); }

private:
    /// The decoding of one frame.
    class run {
    public:
        explicit run(const Spec& s) : reads(s.frames(in)) {}

        arrived in;
        frame_reads reads;
        std::size_t wanted = 0;
    };

    decode_result finished()
    {
        const std::unique_ptr<run> ended = std::move(run_);
        const auto& promise = ended->reads.handle_.promise();
        if (promise.thrown)
            std::rethrow_exception(promise.thrown);
        const decode_result& r = *promise.result;
        const bool fits = r.status() == decode_status::frame && r.size() != 0 && r.size() <= ended->wanted;
        return fits || r.status() == decode_status::failed ? r : decode_result::failed(errc::framing_failed);
    }

    std::unique_ptr<run> run_;
};

} // namespace ferrule
