// A framing of one's own, as a class: a length byte, the payload, and a line feed that shows that both ends agree.
#include <ferrule/pair.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include <iostream>

using namespace ferrule;

//[framing
struct small_messages {
    using message_type = bytes;
    decode_result decode(byte_view in, const limits& l) const
    {
        const std::size_t size = in.empty() ? 0 : std::to_integer<std::size_t>(in[0]);
        if (size > l.max_payload())
            return decode_result::failed(errc::too_large);
        if (in.size() < 1 + size + 1)
            return decode_result::need_more(1 + size + 1 - in.size());
        if (in[1 + size] != std::byte{'\n'})
            return decode_result::failed(errc::malformed);
        return decode_result::frame(1, size, 1);
    }
    error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
    {
        const std::size_t size = total_size(payload);
        if (size > 255 || size > l.max_payload())
            return errc::too_large;
        out.append_copy(std::string(1, static_cast<char>(size)));
        out.append_view(payload);
        out.append_copy("\n");
        return {};
    }
};
//]

int main()
{
    testing::check_framing(small_messages(), {"", "x", std::string(255, 'y')}); // throws what is wrong
    auto [a, b] = socketpair(small_messages());
    a.send({"own", " framing"});
    std::cout << b.recv().text() << '\n';
}
