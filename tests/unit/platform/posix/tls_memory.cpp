// OpenSSL without memory, at every allocation of a connection.
#include "support/posix/tls.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <openssl/crypto.h>

namespace {

thread_local std::size_t allocations_left = SIZE_MAX;

bool may_allocate()
{
    return allocations_left == SIZE_MAX || (allocations_left != 0 && --allocations_left != 0);
}

// OpenSSL asks for these before its first allocation, so they stand here before `main`.
const bool counted =
    CRYPTO_set_mem_functions(
        [](std::size_t n, const char*, int) { return may_allocate() ? std::malloc(n) : nullptr; },
        [](void* p, std::size_t n, const char*, int) { return may_allocate() ? std::realloc(p, n) : nullptr; },
        [](void* p, const char*, int) { std::free(p); }) == 1;

struct shortage {
    explicit shortage(std::size_t after) noexcept { allocations_left = after + 1; }
    ~shortage() { allocations_left = SIZE_MAX; }
};

} // namespace

TEST_CASE("tls: whatever memory OpenSSL lacks, a call fails or its data is right")
{
    REQUIRE(counted);
    const bytes sent = pattern(40'000);
    (void)tls_pair(); // what is made once
    std::size_t failures = 0;
    for (std::size_t k = 0;; k += sanitized ? 5 : 1) {
        CAPTURE(k);
        error_code ec;
        bytes got;
        bool reached = false;
        {
            const shortage s(k);
            try {
                tls_ends e;
                const byte_view all(sent);
                std::size_t taken = 0;
                while (!e.step()) {
                }
                while (got.size() < sent.size()) {
                    const byte_view rest = all.subspan(taken);
                    io_result r = e.client->try_write({&rest, 1});
                    if (r.status() == io_status::failed)
                        throw_error(r.error());
                    taken += r.size();
                    std::byte space[5000];
                    r = e.server->try_read(space);
                    if (r.status() == io_status::failed)
                        throw_error(r.error());
                    got.append(byte_view(space).first(r.size()));
                }
            } catch (const ferrule::error& x) {
                ec = x.code();
            } catch (const std::bad_alloc&) {
                ec = ferrule::detail::no_memory();
            }
            reached = allocations_left == 0;
        }
        CHECK(byte_view(sent).text().starts_with(got.text()));
        CHECK((ec.failed() || got == sent));
        failures += ec ? 1U : 0U;
        if (!reached)
            break;
    }
    CHECK(failures > 20);
}

TEST_CASE("tls: no lack of memory makes a client trust a server")
{
    const identity own = authority::self_signed();
    const tls::context stranger = tls::context::server(own.chain, own.key);
    // OpenSSL does not recover from a lack of memory while it makes what it makes once.
    CHECK(code_of([&] { tls_ends(socketpair_descriptors(), client_context(), stranger).shake_hands(); }) ==
          condition::untrusted);
    for (std::size_t k = 0;; k += sanitized ? 5 : 1) {
        CAPTURE(k);
        const error_code ec = code_of([&] {
            tls_ends e(socketpair_descriptors(), client_context(), stranger);
            const shortage s(k);
            try {
                e.shake_hands();
            } catch (const std::bad_alloc&) {
                throw_error(ferrule::detail::no_memory());
            }
        });
        REQUIRE(ec.failed());
        if (ec == condition::untrusted && k > 100)
            break;
    }
}
