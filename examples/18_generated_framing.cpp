// A framing of one's own, written as what to read next: a type byte, two bytes of length, and that many of value. A type
// of 0 has nothing behind it.
#include <ferrule/framing/generated.hpp>
#include <ferrule/pair.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include <iostream>

//[generated
struct type_length_value {
    using message_type = ferrule::bytes; // the whole frame

    ferrule::frame_reads frames(const ferrule::arrived& in) const
    {
        co_yield 1;
        if (in[0] != 0) {
            co_yield 2;
            co_yield in[1] << 8 | in[2];
        }
        co_return ferrule::decode_result::frame(0, in.all().size());
    }
    ferrule::error_code encode(std::span<const ferrule::byte_view> frame, const ferrule::limits&,
                               ferrule::encoded& out) const
    {
        out.append_view(frame);
        return {};
    }
};
using tlv = ferrule::generated<type_length_value>;
//]

int main()
{
    const std::string hello("\1\0\5hello", 8);
    ferrule::testing::check_framing(tlv(), {hello, std::string(1, '\0')}); // throws if it breaks the contract
    auto [a, b] = ferrule::socketpair(tlv());
    a.send(hello);
    std::cout << b.recv().text().substr(3) << '\n';
}
