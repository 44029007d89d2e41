// Lines of text.
#pragma once

#include <ferrule/framing/delimited.hpp>

namespace ferrule {

/// Lines, without their ends. By default "\n" is sent, and "\n" or "\r\n" ends a received line; so a line that ends in "\r"
/// is `errc::unencodable`. What `delimited` says holds here.
class lines : public delimited {
public:
    lines() : delimited({"\n", "\r\n"}) {}
    /// Exactly this end, in both directions; see `delimited`.
    explicit lines(std::string end_of_line, separator s = separator::strip) : delimited(std::move(end_of_line), s) {}
};

} // namespace ferrule
