#include <ferrule/net/server.hpp>

namespace ferrule {

bool detail::is_failure(const std::exception_ptr& e, bool closing) noexcept
{
    try {
        std::rethrow_exception(e);
    } catch (const error& x) {
        return x.code() != errc::end_of_stream && !(closing && x.code() == errc::closed);
    } catch (...) {
        return true;
    }
}

} // namespace ferrule
