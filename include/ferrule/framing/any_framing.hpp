// A framing chosen at run time.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace ferrule {

/// Any framing of byte messages behind one type, chosen by name or made from an object. The names:
///
///     varint  leb128  u8  u16be  u16le  u32be  u32le  u64be  u64le     mp          netstring  none
///     lines  lines:END  delimited:SEPARATOR  nul  fixed:SIZE           msgpack     lsp        json
///     slip  cobs
///
/// The name `mp` stands for `multiprocessing_bytes`, `lsp` for `content_length`, `json` for `json_dialect`, and
/// `msgpack` for `msgpack_bytes`. END and SEPARATOR may contain `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH`; SIZE is
/// decimal.
class FERRULE_FRAMING_EXPORT any_framing {
public:
    using message_type = bytes;

    /// Makes the framing with this name. Throws `usage_error` (`errc::invalid_argument`), which lists the names, if
    /// there is none.
    explicit any_framing(std::string_view name) : any_framing(named(name)) { name_ = name; }
    /// Wraps a framing object.
    template <class Framing>
        requires(!std::same_as<Framing, any_framing> && byte_framing<Framing>)
    explicit any_framing(Framing f) : inner_(std::make_unique<holder<Framing>>(std::move(f)))
    {
    }
    any_framing(const any_framing& other) : inner_(other.inner_->copy()), name_(other.name_) {}
    any_framing(any_framing&&) noexcept = default;
    any_framing& operator=(any_framing other) noexcept
    {
        inner_.swap(other.inner_);
        name_.swap(other.name_);
        return *this;
    }
    ~any_framing() = default;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) { return inner_->decode(buffered, l); }
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
    {
        return inner_->encode(payload, l, out);
    }
    [[nodiscard]] bytes load(bytes payload) const { return inner_->load(std::move(payload)); }
    void reset() { inner_->reset(); }

    /// The name that the framing was made from, or an empty string if it was made from an object.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// The names, in the form `lines[:END]`. They have static lifetime.
    [[nodiscard]] static std::span<const std::string_view> names() noexcept;

private:
    class model {
    public:
        virtual ~model() = default;
        [[nodiscard]] virtual std::unique_ptr<model> copy() const = 0;
        [[nodiscard]] virtual decode_result decode(byte_view buffered, const limits& l) = 0;
        [[nodiscard]] virtual error_code encode(std::span<const byte_view> payload, const limits& l,
                                                encoded& out) const = 0;
        [[nodiscard]] virtual bytes load(bytes payload) const = 0;
        virtual void reset() = 0;
    };

    template <byte_framing Framing>
    class holder final : public model {
    public:
        explicit holder(Framing f) : framing_(std::move(f)) {}

        std::unique_ptr<model> copy() const override { return std::make_unique<holder>(*this); }
        decode_result decode(byte_view buffered, const limits& l) override { return framing_.decode(buffered, l); }
        error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const override
        {
            return framing_.encode(payload, l, out);
        }
        bytes load(bytes payload) const override { return detail::restored(framing_, std::move(payload)); }
        void reset() override { detail::restart(framing_); }

    private:
        Framing framing_;
    };

    static any_framing named(std::string_view name);

    std::unique_ptr<model> inner_;
    std::string name_;
};

} // namespace ferrule
