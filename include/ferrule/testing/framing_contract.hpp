// The contract of framings, to try one of your own. Needs no test framework, no descriptor and no thread.
#pragma once

#include <ferrule/framing/framing.hpp>
#include <ferrule/testing/connection_kind.hpp>
#include <ferrule/testing/export.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ferrule::testing {

namespace detail {

/// A framing with messages to try it with, without their types.
class framing_subject {
public:
    virtual ~framing_subject() = default;
    /// A copy of the framing as it was given, with the same messages.
    [[nodiscard]] virtual std::unique_ptr<framing_subject> fresh() const = 0;
    /// A copy as it is now.
    [[nodiscard]] virtual std::unique_ptr<framing_subject> copy() const = 0;
    [[nodiscard]] virtual decode_result decode(byte_view buffered, const limits& l) = 0;
    virtual void reset() = 0;
    [[nodiscard]] virtual std::size_t messages() const = 0;
    [[nodiscard]] virtual error_code encode(std::size_t message, const limits& l, encoded& out) const = 0;
    /// Whether `payload` is that message.
    [[nodiscard]] virtual bool is_message(std::size_t message, byte_view payload) const = 0;
};

FERRULE_TESTING_EXPORT void check(const framing_subject& subject, std::uint64_t seed);

template <framing Framing, class Message>
class framing_case final : public framing_subject {
public:
    framing_case(const Framing& f, std::shared_ptr<const std::vector<Message>> m)
        : original_(f),
          framing_(f),
          messages_(std::move(m))
    {
    }

    std::unique_ptr<framing_subject> fresh() const override
    {
        return std::make_unique<framing_case>(original_, messages_);
    }
    std::unique_ptr<framing_subject> copy() const override { return std::make_unique<framing_case>(*this); }
    decode_result decode(byte_view buffered, const limits& l) override { return framing_.decode(buffered, l); }
    void reset() override { ferrule::detail::restart(framing_); }
    std::size_t messages() const override { return messages_->size(); }
    error_code encode(std::size_t message, const limits& l, encoded& out) const override
    {
        const Message& m = (*messages_)[message];
        if constexpr (byte_framing<Framing>) {
            const byte_view view = m;
            return framing_.encode(std::span(&view, 1), l, out);
        } else
            return framing_.encode(m, l, out);
    }
    bool is_message(std::size_t message, byte_view payload) const override
    {
        const Message& m = (*messages_)[message];
        if constexpr (byte_framing<Framing>)
            return payload == byte_view(m);
        else
            return framing_.load(bytes(payload)) == m;
    }

private:
    Framing original_;
    Framing framing_;
    std::shared_ptr<const std::vector<Message>> messages_;
};

} // namespace detail

/// What a framing is tried with: strings for framings of bytes, else values, which have to be comparable.
template <framing Framing>
using framing_sample = std::conditional_t<byte_framing<Framing>, std::string, typename Framing::message_type>;

/// Tries `f` in memory with `messages`, at least one; small and large ones, and those with unusual bytes, find most. The
/// framing has to keep the boundaries of messages (`none` does not). Checks that
///
/// * what is encoded is decoded to the same message, and nothing that follows is touched;
/// * each beginning of a frame needs more, at least one byte and no more than are missing, and is never an error;
/// * bytes that arrive one at a time, in two pieces at every place, or in random pieces make the same frames;
/// * nothing keeps a pointer into the bytes, which lie somewhere else for every call;
/// * no bytes are the clean end of a stream, and the beginning of a frame is not;
/// * a copy, and a framing after `reset()`, begins anew;
/// * a limit of a message's size lets it pass, the next lower one refuses it in both directions, as `errc::too_large`;
/// * whatever else arrives is a frame within it, need for more, or `condition::bad_frame` that repeats itself.
///
/// Throws `contract_failure`; what the framing throws passes through. Random choices come from `seed`.
template <framing Framing>
void check_framing(const Framing& f, std::vector<framing_sample<Framing>> messages, std::uint64_t seed = 1)
{
    using message = framing_sample<Framing>;
    auto shared = std::make_shared<const std::vector<message>>(std::move(messages));
    detail::check(detail::framing_case<Framing, message>(f, std::move(shared)), seed);
}

} // namespace ferrule::testing
