
#include "support/test.hpp"

#include <boost/system/errc.hpp>

namespace sys = boost::system;

namespace {

const std::vector<errc> all_errors = {
    errc::end_of_stream,  errc::truncated,        errc::malformed,       errc::too_large,
    errc::timed_out,      errc::lock_timed_out,   errc::cancelled,       errc::closed,
    errc::forked,         errc::would_deadlock,   errc::wrong_direction, errc::bad_descriptor,
    errc::listening,      errc::invalid_argument, errc::unsupported,     errc::torn,
    errc::framing_failed,
};
const std::vector<condition> all_conditions = {
    condition::end,       condition::timeout, condition::cancelled, condition::broken,
    condition::bad_frame, condition::misuse,  condition::untrusted,
};

const error_code of_broken_connections[] = {asio::error::broken_pipe,        asio::error::connection_reset,
                                            asio::error::connection_aborted, asio::error::not_connected,
                                            asio::error::host_unreachable,   asio::error::network_down,
                                            asio::error::network_reset};

std::set<condition> conditions_of(error_code ec)
{
    std::set<condition> s;
    for (const condition c : all_conditions) {
        if (ec == c)
            s.insert(c);
    }
    return s;
}

// Which exception is thrown, as narrow as it gets.
std::string thrown_for(error_code ec)
{
    try {
        throw_error(ec);
    } catch (const eof_error&) {
        return "eof";
    } catch (const timeout_error&) {
        return "timeout";
    } catch (const cancelled_error&) {
        return "cancelled";
    } catch (const closed_error&) {
        return "closed";
    } catch (const broken_error&) {
        return "broken";
    } catch (const frame_error&) {
        return "frame";
    } catch (const usage_error&) {
        return "usage";
    } catch (const error&) {
        return "error";
    }
}

} // namespace

static_assert(std::is_base_of_v<boost::system::system_error, error>);
static_assert(std::is_nothrow_copy_constructible_v<error> && std::is_nothrow_copy_constructible_v<eof_error>);
static_assert(std::is_nothrow_copy_constructible_v<timeout_error>);

TEST_CASE("error: every code has a text of its own in ferrule's category")
{
    std::set<std::string> texts;
    for (const errc e : all_errors) {
        const error_code ec = e;
        CHECK(ec.failed());
        CHECK(ec.category() == error_category());
        CHECK(std::string(ec.category().name()) == "ferrule");
        CHECK(ec.message() != "unknown error");
        texts.insert(ec.message());
    }
    CHECK(texts.size() == all_errors.size());
    CHECK(error_code(9999, error_category()).message() == "unknown error");
    CHECK(!error_code().failed());
}

TEST_CASE("error: every condition has a text of its own")
{
    std::set<std::string> texts;
    for (const condition c : all_conditions)
        texts.insert(error_condition(c).message());
    CHECK(texts.size() == all_conditions.size());
    CHECK(error_condition(9999, condition_category()).message() == "unknown condition");
    CHECK(conditions_of({}).empty()); // no error is no condition
}

TEST_CASE("error: each of ferrule's codes belongs to exactly the conditions it is documented with")
{
    using set = std::set<condition>;
    CHECK(conditions_of(errc::end_of_stream) == set{condition::end});
    CHECK(conditions_of(errc::truncated) == set{condition::end});
    CHECK(conditions_of(errc::malformed) == set{condition::bad_frame});
    for (const errc e : {errc::too_large, errc::packet_truncated, errc::invalid_value}) {
        CHECK(conditions_of(e) == set{condition::bad_frame});
        CHECK_THROWS_AS(throw_error(e), frame_error);
    }
    CHECK(conditions_of(errc::timed_out) == set{condition::timeout});
    CHECK(conditions_of(errc::lock_timed_out) == set{condition::timeout});
    CHECK(conditions_of(errc::cancelled) == set{condition::cancelled});
    for (const errc e : {errc::wrong_direction, errc::bad_descriptor, errc::listening, errc::invalid_argument,
                         errc::unsupported, errc::would_deadlock})
        CHECK(conditions_of(e) == set{condition::misuse});
    CHECK(conditions_of(errc::unauthenticated) == set{condition::untrusted});
    for (const errc e : {errc::closed, errc::forked, errc::torn, errc::framing_failed, errc::busy})
        CHECK(conditions_of(e).empty());
}

TEST_CASE("error: what the system says is grouped as well")
{
    using set = std::set<condition>;
    for (const error_code e : of_broken_connections)
        CHECK(conditions_of(e) == set{condition::broken});
    for (const auto e : {sys::errc::io_error, sys::errc::no_such_device, sys::errc::no_such_device_or_address})
        CHECK(conditions_of(sys::errc::make_error_code(e)) == set{condition::broken});
    CHECK(conditions_of(asio::error::timed_out) == set{condition::broken, condition::timeout});
    CHECK(conditions_of(asio::error::operation_aborted) == set{condition::cancelled});
    CHECK(conditions_of(sys::errc::make_error_code(sys::errc::broken_pipe)) == set{condition::broken});
    for (const error_code e : {error_code(asio::error::bad_descriptor), error_code(asio::error::no_memory),
                               error_code(asio::error::invalid_argument), error_code(asio::error::access_denied),
                               sys::errc::make_error_code(sys::errc::no_such_file_or_directory)})
        CHECK(conditions_of(e).empty());
}

TEST_CASE("error: numbers of other categories are not mistaken for ferrule's")
{
    // EPERM has the number of end_of_stream.
    CHECK(!(error_code(1, sys::system_category()) == condition::end));
    CHECK(!(error_code(static_cast<int>(errc::timed_out), sys::system_category()) == condition::timeout));
    CHECK(!(error_code(EPIPE, error_category()) == condition::broken));
}

TEST_CASE("error: the type of the exception fits the code")
{
    CHECK(thrown_for(errc::end_of_stream) == "eof");
    CHECK(thrown_for(errc::truncated) == "eof");
    CHECK(thrown_for(errc::malformed) == "frame");
    CHECK(thrown_for(errc::too_large) == "frame");
    CHECK(thrown_for(errc::timed_out) == "timeout");
    CHECK(thrown_for(errc::lock_timed_out) == "timeout");
    CHECK(thrown_for(errc::cancelled) == "cancelled");
    CHECK(thrown_for(errc::closed) == "closed");
    for (const errc e : {errc::wrong_direction, errc::bad_descriptor, errc::listening, errc::invalid_argument,
                         errc::unsupported, errc::would_deadlock})
        CHECK(thrown_for(e) == "usage");
    for (const errc e : {errc::forked, errc::torn, errc::framing_failed})
        CHECK(thrown_for(e) == "error");
    for (const error_code e : of_broken_connections)
        CHECK(thrown_for(e) == "broken");
    CHECK(thrown_for(asio::error::timed_out) == "broken"); // of the transport: the connection is gone
    CHECK(thrown_for(asio::error::operation_aborted) == "cancelled");
    CHECK(thrown_for(asio::error::access_denied) == "error");
    CHECK(thrown_for(sys::errc::make_error_code(sys::errc::no_such_file_or_directory)) == "error");
}

TEST_CASE("error: an exception carries the code, the count and the data")
{
    try {
        throw_error(errc::timed_out, "partial", 12345);
        FAIL("did not throw");
    } catch (const error& e) {
        CHECK(e.code() == errc::timed_out);
        CHECK(e.data().text() == "partial");
        CHECK(e.transferred() == 12345);
        CHECK(e.in_flight());
        CHECK(std::string(e.what()).find("timeout") != std::string::npos);
    }
    const error bare(errc::closed);
    CHECK(bare.data().empty());
    CHECK(bare.transferred() == 0);
    CHECK(!bare.in_flight());
}

TEST_CASE("error: data is a copy of at most 64 KiB")
{
    constexpr std::size_t cap = 64 * 1024;
    for (const std::size_t size : {cap - 1, cap, cap + 1, 4 * cap}) {
        std::string source(size, 'x');
        source[0] = 'f';
        const error e(errc::timed_out, source, size);
        source.assign(size, 'y');
        CHECK(e.data().size() == std::min(size, cap));
        CHECK(e.data().text().front() == 'f');
        CHECK(e.data().text().back() == 'x');
        CHECK(e.transferred() == size);
    }
}

TEST_CASE("error: a copy of an exception shows the same data after the original is gone")
{
    std::exception_ptr kept;
    try {
        throw_error(errc::truncated, "what had arrived", 16);
    } catch (const eof_error& e) {
        const eof_error copy = e;
        kept = std::make_exception_ptr(copy);
    }
    try {
        std::rethrow_exception(kept);
    } catch (const error& e) {
        CHECK(e.data().text() == "what had arrived");
        CHECK(e.transferred() == 16);
        CHECK(e.code() == errc::truncated);
    }
}

TEST_CASE("limits: 64 MiB unless told otherwise")
{
    CHECK(limits().max_payload() == 64u * 1024 * 1024);
    CHECK(limits(0).max_payload() == 0);
    CHECK(limits(SIZE_MAX).max_payload() == SIZE_MAX);
}
