// Pipes and stream sockets behind readers, writers and duplexes.

#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

// ---- ownership ----

TEST_CASE("descriptor: adopt takes ownership")
{
    auto [r, w] = raw_pipe();
    const int number = r.get();
    {
        const reader in(adopt(r.release()));
        CHECK(in.native_handle() == number);
        CHECK(is_open(number));
    }
    CHECK(!is_open(number));
}

TEST_CASE("descriptor: an adopted descriptor that no endpoint takes over is closed")
{
    auto [r, w] = raw_pipe();
    const int number = r.get();
    {
        descriptor d = adopt(r.release());
        descriptor moved = std::move(d);
        CHECK(is_open(number));
    }
    CHECK(!is_open(number));

    descriptor d = adopt(w.get());
    const int second = w.release();
    d = adopt(raw_pipe().first.release());
    CHECK(!is_open(second));
}

TEST_CASE("descriptor: duplicate leaves the original usable, and the reverse")
{
    auto [r, w] = raw_pipe();
    {
        reader in(duplicate(r.get()));
        CHECK(in.native_handle() != r.get());
        CHECK(in.native_handle() > 2);
        CHECK(closes_on_exec(in.native_handle()));
        write_all(w.get(), "abc");
        CHECK(in.recv(1, timeout).size() == 1);
    }
    CHECK(is_open(r.get()));
    reader in(duplicate(r.get()));
    r.reset();
    write_all(w.get(), "def");
    CHECK(in.recv(3, timeout).text() == "def");
}

TEST_CASE("descriptor: borrow neither closes nor changes a flag")
{
    auto [r, w] = raw_pipe(0); // not close-on-exec
    const int before = ::fcntl(r.get(), F_GETFL);
    {
        reader in(borrow(r.get()));
        writer out(borrow(w.get()));
        CHECK(in.native_handle() == r.get());
        CHECK(out.send("works", timeout) == 5);
        CHECK(in.recv(5, timeout).text() == "works");
        CHECK(!closes_on_exec(r.get()));
        CHECK(in.inheritable());
        in.close();
        CHECK(!in.is_open());
    }
    CHECK(is_open(r.get()));
    CHECK(!closes_on_exec(r.get()));
    CHECK(!closes_on_exec(w.get()));
    CHECK(::fcntl(r.get(), F_GETFL) == before);
    write_all(w.get(), "still");
    CHECK(read_n(r.get(), 5) == "still");
}

TEST_CASE("descriptor: adopt sets close-on-exec")
{
    auto [r, w] = raw_pipe(0);
    CHECK(!closes_on_exec(r.get()));
    const reader in(adopt(r.release()));
    CHECK(closes_on_exec(in.native_handle()));
    CHECK(!in.inheritable());
}

TEST_CASE("descriptor: one that is refused stays as it was")
{
    unique_fd folder(::open("/", O_RDONLY | O_DIRECTORY));
    REQUIRE(folder.get() >= 0);
    CHECK(code_of([&] { (void)adopt(folder.get()); }) == condition::misuse);
    CHECK(is_open(folder.get()));
    CHECK(!closes_on_exec(folder.get()));
}

// ---- kinds ----

TEST_CASE("descriptor: the wrong direction is refused when wrapping")
{
    auto [r, w] = raw_pipe();
    CHECK(code_of([&] { writer x(borrow(r.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { reader x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { duplex x(borrow(r.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { duplex x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { message_reader<> x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { message_writer<> x(borrow(r.get())); }) == errc::wrong_direction);
    CHECK(code_of([&] { message_duplex<> x(borrow(w.get())); }) == errc::wrong_direction);
    CHECK_THROWS_AS(writer(borrow(r.get())), usage_error);
    CHECK_THROWS_AS(writer(adopt(r.get())), usage_error);
    CHECK(is_open(r.get())); // nobody took it over
}

TEST_CASE("descriptor: a number that is not open is refused")
{
    for (const int number : {-1, -2, closed_number()}) {
        CAPTURE(number);
        CHECK(code_of([&] { (void)adopt(number); }) == errc::bad_descriptor);
        CHECK(code_of([&] { (void)duplicate(number); }) == errc::bad_descriptor);
        CHECK(code_of([&] { (void)borrow(number); }) == errc::bad_descriptor);
        CHECK_THROWS_AS(adopt(number), usage_error);
    }
}

// ---- inheritance ----

TEST_CASE("descriptor: inheritance can be asked for and taken back")
{
    auto [a, b] = socketpair();
    CHECK(!a.inheritable());
    CHECK(closes_on_exec(a.native_handle()));
    a.set_inheritable(true);
    CHECK(a.inheritable());
    CHECK(!closes_on_exec(a.native_handle()));
    CHECK(closes_on_exec(b.native_handle()));
    a.set_inheritable(false);
    CHECK(!a.inheritable());
    CHECK(closes_on_exec(a.native_handle()));
    a.close();
    CHECK(code_of([&] { (void)a.inheritable(); }) == errc::closed);
    CHECK(code_of([&] { a.set_inheritable(true); }) == errc::closed);
}

// ---- close ----

TEST_CASE("descriptor: a descriptor moved from, or handed over already, is refused")
{
    // In a process of its own, since the mistake must not end this one.
    CHECK(in_child([] {
              auto p = pipe_descriptors();
              const reader first(std::move(p.first));
              return code_of([&] { reader second(std::move(p.first)); }) ? 0 : 1;
          }) == 0);
}
