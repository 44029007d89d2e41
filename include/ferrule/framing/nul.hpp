// Messages that end with a zero byte.
#pragma once

#include <ferrule/framing/delimited.hpp>

namespace ferrule {

/// Messages that end with a zero byte, as in varlink (https://varlink.org/Method-Call) and `find -print0`.
class nul : public delimited {
public:
    nul() : delimited(std::string(1, '\0')) {}
};

} // namespace ferrule
