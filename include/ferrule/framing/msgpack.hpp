// MessagePack values, with msgpack-cxx. Target: ferrule::msgpack.
#pragma once

#include <ferrule/detail/field_names.hpp>
#include <ferrule/framing/framed.hpp>
#include <ferrule/framing/msgpack_bytes.hpp>

#include <msgpack.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <time.h> // not every <ctime> has std::timespec
#include <type_traits>
#include <utility>

namespace ferrule::detail {

/// Plain aggregates without msgpack-cxx's macros, except msgpack-cxx's own types.
template <class T>
concept msgpack_by_names = plain_aggregate<T> && !requires(const T& v, ::msgpack::packer<::msgpack::sbuffer>& p) {
    v.msgpack_pack(p);
} && !std::same_as<T, ::msgpack::object> && !std::same_as<T, ::msgpack::object_kv> && !std::same_as<T, ::timespec>;

} // namespace ferrule::detail

/// Plain aggregates as maps from field names to values. Received fields may be in any order. A missing field keeps its
/// initial value. Unknown names are ignored.
namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS)
{
    namespace adaptor {

    template <class T>
    struct pack<T, std::enable_if_t<ferrule::detail::msgpack_by_names<T>>> {
        template <class Stream>
        packer<Stream>& operator()(packer<Stream>& out, const T& value) const
        {
            const auto& names = ferrule::detail::field_names<T>;
            out.pack_map(static_cast<std::uint32_t>(names.size()));
            boost::pfr::for_each_field(value, [&](const auto& field, std::size_t i) {
                out.pack(names[i]);
                out.pack(field);
            });
            return out;
        }
    };

    template <class T>
    struct convert<T, std::enable_if_t<ferrule::detail::msgpack_by_names<T>>> {
        const msgpack::object& operator()(const msgpack::object& from, T& value) const
        {
            if (from.type != type::MAP)
                throw type_error();
            const auto& names = ferrule::detail::field_names<T>;
            const object_map& map = from.via.map;
            boost::pfr::for_each_field(value, [&](auto& field, std::size_t i) {
                const auto is_field = [&](const object_kv& kv) {
                    return kv.key.type == type::STR &&
                           std::string_view(kv.key.via.str.ptr, kv.key.via.str.size) == names[i];
                };
                // Peers that send fields in our order find each at the first position tried.
                for (std::uint32_t k = 0; k < map.size; ++k) {
                    const object_kv& kv = map.ptr[(i + k) % map.size];
                    if (is_field(kv)) {
                        kv.val.convert(field);
                        break;
                    }
                }
            });
            return from;
        }
    };

    } // namespace adaptor
}
} // namespace msgpack

namespace ferrule::detail {

struct msgpack_sink {
    bytes& out;
    // Defined in the header, because most calls write a byte or two.
    void write(const char* data, std::size_t size)
    {
        if (out.spare().size() < size)
            out.append(std::string_view(data, size));
        else if (size != 0) {
            std::memcpy(out.spare().data(), data, size);
            out.commit(size);
        }
    }
};

/// Writes a big-endian number behind its type byte.
template <class Bits>
void write_number(msgpack_sink& sink, unsigned char type, Bits bits)
{
    char b[1 + sizeof bits] = {static_cast<char>(type)};
    for (std::size_t i = sizeof bits; i > 0; --i, bits >>= 8)
        b[i] = static_cast<char>(bits & 0xff);
    sink.write(b, sizeof b);
}

} // namespace ferrule::detail

/// msgpack-cxx packs 2.0 as the integer 2; here a float stays a float.
namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(v1)
{
    template <>
    inline packer<ferrule::detail::msgpack_sink>& packer<ferrule::detail::msgpack_sink>::pack_float(float f)
    {
        ferrule::detail::write_number(m_stream, 0xca, std::bit_cast<std::uint32_t>(f));
        return *this;
    }
    template <>
    inline packer<ferrule::detail::msgpack_sink>& packer<ferrule::detail::msgpack_sink>::pack_double(double d)
    {
        ferrule::detail::write_number(m_stream, 0xcb, std::bit_cast<std::uint64_t>(d));
        return *this;
    }
}
} // namespace msgpack

namespace ferrule {

namespace detail {

template <class T>
error_code write_msgpack(const T& value, bytes& out)
{
    out.reserve(out.size() + 512); // otherwise it would grow byte by byte
    msgpack_sink sink{out};
    try {
        ::msgpack::packer<msgpack_sink>(sink).pack(value);
    } catch (const ::msgpack::container_size_overflow&) {
        return errc::unencodable;
    } catch (const ::msgpack::type_error&) {
        return errc::unencodable;
    }
    return {};
}

} // namespace detail

/// A MessagePack value of any shape: msgpack-cxx's object, with the memory that it refers to. Copies share that memory.
/// Thread safety: different threads may use distinct objects at the same time.
class msgpack_object {
public:
    /// Nil.
    msgpack_object() noexcept = default;
    /// Makes one from any value that msgpack-cxx or this header can pack.
    template <class T>
        requires(!std::same_as<std::remove_cvref_t<T>, msgpack_object>)
    msgpack_object(const T& value);
    /// Makes one from the bytes of exactly one object, which must already be checked. Throws what `msgpack::unpack`
    /// throws.
    explicit msgpack_object(bytes payload) : memory_(std::make_shared<memory>(std::move(payload)))
    {
        std::size_t offset = 0;
        const auto refer = [](::msgpack::type::object_type, std::size_t, void*) { return true; };
        memory_->object =
            ::msgpack::unpack(memory_->zone, memory_->payload.text().data(), memory_->payload.size(), offset, refer);
    }

    [[nodiscard]] const ::msgpack::object& operator*() const noexcept { return memory_ ? memory_->object : nil; }
    [[nodiscard]] const ::msgpack::object* operator->() const noexcept { return &**this; }
    /// Converts the value to a `T`. Throws `msgpack::type_error` if it does not fit.
    template <class T>
    [[nodiscard]] T as() const
    {
        T value{};
        (*this)->convert(value);
        return value;
    }

    /// Whether both have the same shortest encoding.
    friend bool operator==(const msgpack_object& a, const msgpack_object& b);

private:
    struct memory {
        explicit memory(bytes b) : payload(std::move(b)) {}

        bytes payload;
        ::msgpack::zone zone;
        ::msgpack::object object;
    };
    static inline const ::msgpack::object nil{};

    std::shared_ptr<memory> memory_;
};

/// MessagePack as a serialisation, for `framed`. `T` is any type that msgpack-cxx converts: types with its adaptors
/// (numbers, strings, containers, optional, tuple) and types with its macros. Plain aggregates without macros become
/// maps with the names of their fields. A `msgpack_object` may be part of any of them. `T` must own all its parts: no
/// views, and no `msgpack::object`.
template <class T = msgpack_object>
class msgpack_codec {
    static_assert(!std::is_pointer_v<T> && !std::same_as<T, std::string_view> && !std::same_as<T, ::msgpack::object>,
                  "a value has to own what it consists of; there is ferrule::msgpack_object");

public:
    using value_type = T;

    msgpack_codec() = default;
    /// `msgpack_bytes` describes the limits.
    msgpack_codec(std::size_t max_depth, std::size_t max_objects) : check_(max_depth, max_objects) {}

    [[nodiscard]] error_code encode(const T& value, bytes& out) const
    {
        if constexpr (std::same_as<T, msgpack_object>)
            return detail::write_msgpack(*value, out);
        else
            return detail::write_msgpack(value, out);
    }
    [[nodiscard]] T decode(bytes payload) const
    {
        // msgpack-cxx allocates what a header announces, so all of it must have arrived.
        msgpack_bytes check = check_;
        const decode_result r = check.decode(payload, limits(payload.size()));
        if (r.status() != decode_status::frame || r.size() != payload.size())
            throw frame_error(errc::invalid_value, payload, payload.size());
        if constexpr (std::same_as<T, msgpack_object>)
            return msgpack_object(std::move(payload));
        else {
            const byte_view shown = payload; // the bytes do not move in memory when `payload` is moved
            const msgpack_object object(std::move(payload));
            try {
                return object.template as<T>();
            } catch (const ::msgpack::type_error&) {
                throw frame_error(errc::invalid_value, shown, shown.size());
            }
        }
    }

private:
    msgpack_bytes check_;
};

inline bool operator==(const msgpack_object& a, const msgpack_object& b)
{
    bytes x;
    bytes y;
    return detail::write_msgpack(*a, x) == detail::write_msgpack(*b, y) && x == y;
}

template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, msgpack_object>)
msgpack_object::msgpack_object(const T& value)
{
    bytes packed;
    if (const error_code ec = detail::write_msgpack(value, packed))
        throw_error(ec);
    *this = msgpack_object(std::move(packed));
}

/// MessagePack objects back to back, as Python's `msgpack.Unpacker` and socketwrapper's `MsgPack` speak. Exactly one
/// object is taken off the stream, and not one byte more. Values are of type `T`, or of any shape. The name is not
/// `msgpack`, which under `using namespace ferrule` would hide msgpack-cxx's namespace from its own macros.
template <class T = msgpack_object>
using msgpack_messages = framed<msgpack_bytes, msgpack_codec<T>>;

} // namespace ferrule

/// Lets a `msgpack_object` be part of other values.
namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS)
{
    namespace adaptor {

    template <>
    struct pack<ferrule::msgpack_object> {
        template <class Stream>
        packer<Stream>& operator()(packer<Stream>& out, const ferrule::msgpack_object& value) const
        {
            return out.pack(*value);
        }
    };

    template <>
    struct convert<ferrule::msgpack_object> {
        const msgpack::object& operator()(const msgpack::object& from, ferrule::msgpack_object& value) const
        {
            value = ferrule::msgpack_object(from);
            return from;
        }
    };

    } // namespace adaptor
}
} // namespace msgpack
