// A buffered_writer when memory or descriptors run out at any point: nothing that was accepted disappears without a word.
#include <ferrule/buffered_writer.hpp>

#include "contract/posix/shortage.hpp"
#include "support/test.hpp"

TEST_CASE("exhaustion: a queue accounts for every byte")
{
    with_each_shortage("buffered_writer", [](shortage& s) {
        auto [mine, peer] = socketpair();
        asio::io_context context;
        std::string accepted;
        std::size_t lost = 0;
        std::size_t told = 0;
        const error_code ec = s.during([&] {
            buffered_writer out(context.get_executor(), mine,
                                buffered_writer_options().on_error([&](error_code, std::size_t n) { told = n; }));
            for (const char* text : {"one", "two", "three"}) {
                error_code refused;
                if (out.send(text, deadline::now(), refused) != 0) {
                    const plenty p;
                    accepted += text;
                }
                context.restart();
                context.poll();
                if (refused)
                    throw error(refused);
            }
            lost = out.unsent();
        });
        CHECK(s.explains(ec));
        context.restart();
        context.run();
        mine.close();
        const bytes got = peer.recv_all(timeout);
        CHECK(accepted.starts_with(got.text()));
        CHECK(got.size() + std::max(lost, told) == accepted.size());
        if (!ec && told == 0)
            CHECK(got.text() == "onetwothree");
    });
}
