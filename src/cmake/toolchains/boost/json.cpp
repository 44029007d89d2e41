// Boost.JSON without its library, which Debian has not for Windows.
#include <boost/json/src.hpp>
