// `length_prefix` against Erlang's ports.
#include "integration/peers.hpp"
#include "support/test.hpp"

#include <ferrule/framing/length_prefix.hpp>

namespace {

std::vector<std::string> erlang(const std::string& script, const std::vector<std::string>& arguments = {})
{
    // What goes wrong is to be seen, and not to be written to a crash dump.
    const std::string all =
        "try " + script + ", halt(0) catch C:E:S -> io:format(standard_error, \"~p~n\", [{C, E, S}]), halt(1) end.";
    std::vector<std::string> command = {
        program_in_path("erl"), "-noinput", "-boot", "start_clean", "-eval", all, "-extra"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

} // namespace

TEST_CASE("length_prefix: a C++ program is a port of Erlang, with {packet, 1}, {packet, 2} and {packet, 4}")
{
    // Standard error comes with the output: so everything that goes wrong, in Erlang or in our program, is seen, and the
    // end of the output is the end of all processes that Erlang has started.
    auto [output, theirs] = pipe();
    child erl = spawn(erlang(R"(
        begin
            [Program] = init:get_plain_arguments(),
            Printable = list_to_binary(lists:seq(32, 126)),
            Text = fun(N) -> binary:part(binary:copy(Printable, N div 95 + 1), 0, N) end,
            Reversed = fun(B) -> list_to_binary(lists:reverse(binary_to_list(B))) end,
            Answer = fun(Port) -> receive {Port, Message} -> Message after 20000 -> timeout end end,
            Try = fun({Framing, Packet, Sizes}) ->
                Port = open_port({spawn_executable, Program},
                                 [{args, [Framing]}, {packet, Packet}, binary, exit_status, use_stdio]),
                % One by one, and then all at once.
                [{N, {data, A}} = {N, Answer(Port)} || N <- Sizes, port_command(Port, Text(N)),
                                                       A <- [Reversed(Text(N))]],
                [port_command(Port, Text(N rem 256)) || N <- lists:seq(1, 1000)],
                [{N, {data, A}} = {N, Answer(Port)} || N <- lists:seq(1, 1000), A <- [Reversed(Text(N rem 256))]],
                port_close(Port),
                io:format("~s OK~n", [Framing])
            end,
            lists:foreach(Try, [
                {"u8", 1, [0, 1, 254, 255]},
                {"u16be", 2, [0, 1, 255, 256, 65535]},
                {"u32be", 4, [0, 1, 65535, 65536, 1048576]}])
        end)",
                             {FERRULE_ECHO_PROGRAM}),
                      {{theirs, 1}, {theirs, 2}});
    theirs.close();
    CHECK(output.recv_all(timeout).text() == "u8 OK\nu16be OK\nu32be OK\n");
    expect_success(erl);
}

namespace {

// Erlang takes its own standard input and output for a port, and sends everything back.
template <class Integer>
void expect_echo(int packet, std::initializer_list<std::size_t> sizes)
{
    CAPTURE(packet);
    auto erl = spawn_piped(erlang(R"(
        begin
            [Packet] = init:get_plain_arguments(),
            Port = open_port({fd, 0, 1}, [{packet, list_to_integer(Packet)}, binary, eof]),
            Echo = fun(Again) ->
                receive
                    {Port, {data, Message}} -> port_command(Port, Message), Again(Again);
                    {Port, eof} -> ok
                after 20000 -> throw(timeout)
                end
            end,
            Echo(Echo)
        end)",
                                  {std::to_string(packet)}));
    message_reader<length_prefix<Integer>> in(erl.output);
    message_writer<length_prefix<Integer>> out(erl.input);
    for (const std::size_t n : sizes) {
        for (const style s : {style::blocking, style::coroutine}) {
            CAPTURE(n, s == style::coroutine);
            send(out, text(n), s);
            CHECK((recv(in, s) == byte_view(text(n))));
        }
    }
    out.close();
    CHECK(code_of([&] { in.recv(timeout); }) == errc::end_of_stream);
    expect_success(erl.process);
}

} // namespace

TEST_CASE("length_prefix: an Erlang program that is our child speaks {packet, 1}, {packet, 2} and {packet, 4}")
{
    expect_echo<u8>(1, {0, 1, 255});
    expect_echo<u16>(2, {0, 1, 256, 65535});
    expect_echo<u32>(4, {0, 1, 65536, 1 << 20});
}
