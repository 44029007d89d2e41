#include <ferrule/address.hpp>

namespace ferrule {

bool address::is_local() const
{
    return kind_ != family::tcp || name_ == "localhost" || name_ == "::1" || name_.rfind("127.", 0) == 0;
}

std::string address::to_string() const
{
    switch (kind_) {
    case family::unix_path:
    case family::pipe: return name_;
    case family::unix_abstract: return "@" + name_;
    case family::tcp: break;
    }
    const bool is_ipv6 = name_.find(':') != name_.npos;
    return (is_ipv6 ? "[" + name_ + "]" : name_) + ":" + std::to_string(port_);
}

} // namespace ferrule
