// The contract of framings, to test your own. It needs no test framework, no descriptor and no thread.
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

/// A framing and messages to test it with, type-erased.
class framing_subject {
public:
    virtual ~framing_subject() = default;
    /// A copy of the original framing, with the same messages.
    [[nodiscard]] virtual std::unique_ptr<framing_subject> fresh() const = 0;
    /// A copy of the framing in its present state.
    [[nodiscard]] virtual std::unique_ptr<framing_subject> copy() const = 0;
    [[nodiscard]] virtual decode_result decode(byte_view buffered, const limits& l) = 0;
    virtual void reset() = 0;
    [[nodiscard]] virtual std::size_t messages() const = 0;
    [[nodiscard]] virtual error_code encode(std::size_t message, const limits& l, encoded& out) const = 0;
    /// Whether `payload` is that message.
    [[nodiscard]] virtual bool is_message(std::size_t message, byte_view payload) const = 0;
    /// Whether frames contain the payload in another form.
    [[nodiscard]] virtual bool restores() const = 0;
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
    bool restores() const override { return restoring_framing<Framing>; }
    bool is_message(std::size_t message, byte_view payload) const override
    {
        const Message& m = (*messages_)[message];
        if constexpr (byte_framing<Framing>)
            return ferrule::detail::restored(framing_, bytes(payload)) == byte_view(m);
        else
            return framing_.load(bytes(payload)) == m;
    }

private:
    Framing original_;
    Framing framing_;
    std::shared_ptr<const std::vector<Message>> messages_;
};

} // namespace detail

/// A message to test a framing with: a string for byte framings, else a value, which must be comparable.
template <framing Framing>
using framing_sample = std::conditional_t<byte_framing<Framing>, std::string, typename Framing::message_type>;

/// Tests `f` in memory with `messages`, at least one. Small and large messages, and messages with unusual bytes, find
/// most errors. The framing must keep message boundaries, which `none` does not. Checks that
///
/// * an encoded message is decoded to an equal message, and the bytes behind it are not touched;
/// * an incomplete frame needs at least one byte more and at most the missing ones, and is never an error;
/// * bytes that arrive singly, in two pieces at every place, or in random pieces make the same frames;
/// * no pointer into the bytes is kept, which lie somewhere else for every call;
/// * an empty buffer is the clean end of a stream, and an incomplete frame is not;
/// * a copy, and a framing after `reset()`, starts anew;
/// * a limit equal to the size of a message admits it; the next lower limit refuses it in both directions
///   (`errc::too_large`);
/// * any other input is a frame or noise within it, a need for more, or a `condition::bad_frame` that repeats.
///
/// Throws `contract_failure`, and what the framing throws. Random choices come from `seed`.
template <framing Framing>
void check_framing(const Framing& f, std::vector<framing_sample<Framing>> messages, std::uint64_t seed = 1)
{
    using message = framing_sample<Framing>;
    auto shared = std::make_shared<const std::vector<message>>(std::move(messages));
    detail::check(detail::framing_case<Framing, message>(f, std::move(shared)), seed);
}

} // namespace ferrule::testing
