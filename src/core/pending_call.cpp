#include <ferrule/detail/pending_call.hpp>

#include <ferrule/error.hpp>

namespace ferrule::detail {

void work_outcome::raise(const error_code& ec) const
{
    if (thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (const error& e) {
            if (e.code() == ec)
                throw;
        } catch (...) {
        }
    }
    throw_error(ec);
}

} // namespace ferrule::detail
