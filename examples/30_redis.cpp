// Redis, by commands in a row without waiting for each answer, with a framing of its protocol (RESP2) of one's own.
#include <ferrule/ferrule.hpp>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace ferrule;
using namespace std::chrono_literals;

/// A value of RESP. A command is an array of strings.
struct resp_value {
    char type = '*'; // + text, - error, : number, $ string, * array, 0 nothing
    std::string text;
    std::vector<resp_value> items;
};

resp_value command(const std::vector<std::string>& words)
{
    resp_value v;
    for (const std::string& w : words)
        v.items.push_back({'$', w, {}});
    return v;
}

//[framing
/// Reads one value at the front of text, which shrinks. Nothing if it is incomplete; `too_large` and `malformed` are thrown.
std::optional<resp_value> parse(std::string_view& in, std::size_t max, int depth = 0)
{
    const std::size_t end = in.find("\r\n");
    if (end == in.npos)
        return std::nullopt;
    resp_value v{in[0], std::string(in.substr(1, end - 1)), {}};
    in.remove_prefix(end + 2);
    if (v.type == '+' || v.type == '-' || v.type == ':')
        return v;
    long n = 0;
    const auto r = std::from_chars(v.text.data(), v.text.data() + v.text.size(), n);
    if (r.ec != std::errc() || *r.ptr != '\0' || n < -1 || (v.type != '$' && v.type != '*') || depth > 8)
        throw_error(errc::malformed);
    if (static_cast<std::size_t>(n + 1) > max)
        throw_error(errc::too_large);
    if (n < 0)
        return resp_value{'0', {}, {}};
    const auto size = static_cast<std::size_t>(n);
    if (v.type == '$') {
        if (in.size() < size + 2)
            return std::nullopt;
        v.text = in.substr(0, size);
        in.remove_prefix(size + 2);
        return v;
    }
    for (std::size_t i = 0; i < size; ++i) {
        auto item = parse(in, max, depth + 1);
        if (!item)
            return std::nullopt;
        v.items.push_back(std::move(*item));
    }
    return v;
}

struct resp {
    using message_type = resp_value;
    decode_result decode(byte_view in, const limits& l) const
    {
        try {
            std::string_view rest = in.text();
            if (!in.empty() && parse(rest, l.max_payload()))
                return decode_result::frame(0, in.size() - rest.size());
        } catch (const error& e) {
            return decode_result::failed(e.code());
        }
        return in.size() > l.max_payload() ? decode_result::failed(errc::too_large) : decode_result::need_more(1);
    }
    resp_value load(bytes frame) const
    {
        std::string_view text = frame.text();
        return *parse(text, frame.size());
    }
    error_code encode(const resp_value& v, const limits& l, encoded& out) const
    {
        std::string text = "*" + std::to_string(v.items.size()) + "\r\n";
        for (const resp_value& i : v.items)
            text += "$" + std::to_string(i.text.size()) + "\r\n" + i.text + "\r\n";
        if (text.size() > l.max_payload())
            return errc::too_large;
        out.append_owned(bytes(text));
        return {};
    }
};
//]

int main()
{
    std::string name = "/tmp/ferrule-redis-XXXXXX";
    const fs::path folder = mkdtemp(name.data());
    // Debian has the server's program under another name, and Redis goes by the name that it is called.
    fs::create_symlink("/usr/bin/redis-check-rdb", folder / "redis-server");
    const std::string socket = folder / "socket";
    child server = spawn({folder / "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--logfile",
                          "/dev/null", "--dir", folder});

    //[pipeline
    auto redis = connect(address::unix_path(socket), resp(), connect_options().wait_for_listener(10s), 10s);
    for (int i = 0; i < 1000; ++i)
        redis.send(command({"INCRBY", "counter", std::to_string(i)}), 10s);
    std::string last;
    for (int i = 0; i < 1000; ++i)
        last = redis.recv(10s).text;
    std::cout << "the sum of 0 to 999 is " << last << '\n';
    //]

    redis.send(command({"LPUSH", "list", "one", "two", std::string(100'000, 'x')}));
    redis.send(command({"LRANGE", "list", "0", "-1"}));
    redis.send(command({"GET", "nothing"}));
    redis.send(command({"NONSENSE"}));
    std::cout << redis.recv(10s).text << " items, of which the largest has ";
    const resp_value list = redis.recv(10s);
    std::cout << list.items.at(0).text.size() << " bytes\n";
    std::cout << (redis.recv(10s).type == '0' ? "nothing" : "something") << '\n';
    std::cout << redis.recv(10s).text.substr(0, 19) << '\n';

    redis.send(command({"SHUTDOWN", "NOSAVE"}));
    server.wait(10s);
    fs::remove_all(folder);
}
