#include <ferrule/framing/framed.hpp>
#include <ferrule/framing/length_prefix.hpp>

#include "support/test.hpp"

namespace {

/// An integer as decimal digits.
struct decimal {
    using value_type = int;
    [[nodiscard]] error_code encode(int value, bytes& out) const
    {
        if (value < 0)
            return errc::unencodable;
        out.append(byte_view(std::to_string(value)));
        return {};
    }
    [[nodiscard]] int decode(const bytes& payload) const
    {
        if (payload.empty())
            throw frame_error(errc::invalid_value);
        return std::stoi(std::string(payload.text()));
    }
};

using numbers = framed<length_prefix<std::uint8_t>, decimal>;

} // namespace

TEST_CASE("framed: a value is encoded by the codec and framed by the framing, and comes back the same way")
{
    encoded e;
    REQUIRE(!numbers().encode(123, {}, e));
    CHECK(to_hex(flat(e)) == "03313233");
    CHECK(numbers().decode(from_hex("03313233"), {}).payload() == 3);
    CHECK(numbers().load(bytes(byte_view("123"))) == 123);
}

TEST_CASE("framed: what the codec refuses, the framing never sees")
{
    encoded e;
    CHECK(numbers().encode(-1, {}, e) == errc::unencodable);
    CHECK(e.size() == 0);
    CHECK_THROWS_AS(numbers().load(bytes()), frame_error);
}
