// Lines of text.
#pragma once

#include <ferrule/framing/delimited.hpp>

namespace ferrule {

/// Lines without their ends. By default "\n" is sent, and "\n" or "\r\n" ends a received line. So a line that ends in
/// "\r" is `errc::unencodable`. Limits and errors are those of `delimited`.
class lines : public delimited {
public:
    lines() : delimited({"\n", "\r\n"}) {}
    /// Uses exactly this end of line, in both directions. See `delimited`.
    explicit lines(std::string end_of_line, separator s = separator::strip) : delimited(std::move(end_of_line), s) {}
};

} // namespace ferrule
