// Starting a child, being one, and waiting for one when memory or descriptors run out at any point.
#include "contract/posix/shortage.hpp"
#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

TEST_CASE("exhaustion: a child that cannot be started leaves nothing behind, nor one that is not handed out")
{
    const std::pair<const char*, std::function<void()>> calls[] = {
        {"spawn",
         [] {
             auto [a, b] = socketpair();
             child c = spawn({"/bin/true"}, std::move(b));
             const plenty p;
             CHECK(c.wait(20s).code() == 0);
         }},
        {"spawn_connected",
         [] {
             auto c = spawn_connected({"/bin/true"}, lines());
             const plenty p;
             CHECK(c.process.wait(20s).code() == 0);
         }},
        {"spawn_piped",
         [] {
             auto c = spawn_piped({"/bin/cat"}, lines());
             const plenty p;
             c.input.send("hello", 20s);
             CHECK(c.output.recv(20s).text() == "hello");
             c.input.close();
             CHECK(c.process.wait(20s).code() == 0);
         }},
    };
    for (const auto& [what, call] : calls) {
        with_each_shortage(what, [&, &start = call](shortage& s) {
            CHECK(s.explains(s.during(start)));
            CHECK((::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD));
        });
    }
}

TEST_CASE("exhaustion: a child is waited for, whatever is lacking")
{
    const std::pair<const char*, std::function<until()>> limits[] = {
        {"for ever", [] { return until(); }},
        {"for a while", [] { return until(20s); }},
        {"until a stop request that does not come", [] { return until(20s, std::stop_source().get_token()); }},
    };
    for (const auto& [what, limit] : limits) {
        with_each_shortage(std::string("waiting ") + what, [&, &of = limit](shortage& s) {
            auto in = pipe();
            child c = spawn({"/bin/cat"}, std::move(in.first), 0);
            in.second.close();
            error_code ec;
            exit_status status{-1, 0};
            const until l = of();
            const error_code thrown = s.during([&] { status = c.wait(l, ec); });
            CHECK(!thrown);
            CHECK(!ec);
            CHECK(status.success());
        });
    }
}

namespace {

// How the attempts of a child end, which it says by its exit code.
enum class verdict : int { fine, nothing_refused, wrong };

// Calls `attempt(shortage)` in a child of its own for every shortage, since it changes what a process has only once.
void in_each_child(const std::string& what, verdict (*attempt)(shortage&))
{
    for_each_shortage({resource::memory, resource::descriptors}, 100, [&](shortage& s) {
        INFO(what);
        const int status = in_child([&] { return static_cast<int>(attempt(s)); });
        REQUIRE(WIFEXITED(status));
        const int code = WEXITSTATUS(status);
        const bool refused = code != static_cast<int>(verdict::nothing_refused);
        if (refused)
            CHECK(code == static_cast<int>(verdict::fine));
        return refused;
    });
}

verdict judge(const shortage& s, bool fine)
{
    if (!fine)
        return verdict::wrong;
    return s.has_refused() ? verdict::fine : verdict::nothing_refused;
}

} // namespace

TEST_CASE("exhaustion: what a child inherits is there until it has been taken")
{
    in_each_child("inherited", [](shortage& s) {
        auto [first, to_first] = raw_pipe();
        auto [second, to_second] = raw_pipe();
        ::setenv("FERRULE_FD", (std::to_string(first.get()) + "," + std::to_string(second.get())).c_str(), 1);
        write_all(to_first.get(), "one");
        write_all(to_second.get(), "two");
        std::optional<descriptor> d;
        const error_code ec = s.during([&] { d = inherited(1); });
        if (!s.explains(ec))
            return verdict::wrong;
        if (ec)
            d = inherited(1);
        const bool fine = reader(std::move(*d)).recv(3, 0s).text() == "two" &&
                          code_of([] { (void)inherited(1); }) == errc::bad_descriptor &&
                          reader(inherited()).recv(3, 0s).text() == "one";
        (void)first.release();
        (void)second.release();
        return judge(s, fine);
    });
}

TEST_CASE("exhaustion: standard streams are taken whole or stay")
{
    in_each_child("standard_streams", [](shortage& s) {
        auto in = raw_pipe();
        auto out = raw_pipe();
        ::dup2(in.first.get(), STDIN_FILENO);
        ::dup2(out.second.get(), STDOUT_FILENO);
        std::optional<std::pair<descriptor, descriptor>> streams;
        const error_code ec = s.during([&] { streams = take_standard_streams(); });
        if (!s.explains(ec))
            return verdict::wrong;
        if (ec)
            streams = take_standard_streams();
        write_all(in.second.get(), "question");
        writer(std::move(streams->second)).send("answer", 0s);
        return judge(s, reader(std::move(streams->first)).recv(8, 0s).text() == "question" &&
                            read_n(out.first.get(), 6) == "answer");
    });
}
