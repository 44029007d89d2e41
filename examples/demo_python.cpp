// C++ and a real Python child: files out, digests back, and questions of Python's own in between.
#include "demo.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <openssl/evp.h>

#include <array>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

namespace demo {
namespace {

namespace asio = boost::asio;

// A message is announced by a line of text. Python answers each with its size, SHA-256 and number of words, and asks
// the same about data of its own: the next question follows when the previous one has been answered.
const char* const script = R"(
import hashlib, os, sys, sysconfig
from multiprocessing.connection import Connection

connection = Connection(3)
sizes = [int(size) for size in sys.argv[1:]]
asked = right = 0
expected = None
ending = False

def describe(data):
    return f'{len(data)} {hashlib.sha256(data).hexdigest()} {len(data.split())}'

def say(text):
    connection.send_bytes(text.encode())

def ask():
    global asked, expected
    if expected is None and asked < len(sizes):
        data = os.urandom(sizes[asked])
        asked += 1
        expected = describe(data)
        say('question')
        connection.send_bytes(data)

say(sys.version.split()[0])
say(sysconfig.get_path('stdlib'))
while not (ending and expected is None and asked == len(sizes)):
    kind, _, rest = connection.recv_bytes().decode().partition(' ')
    if kind == 'message':
        say('reply ' + describe(connection.recv_bytes()))
    elif kind == 'answer':
        right += rest == expected
        expected = None
    elif kind == 'end':
        ending = True
    ask()
say(f'verdict {asked} {right}')
)";

std::string describe(ferrule::byte_view data)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    check(EVP_Digest(data.data(), data.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1, "OpenSSL: SHA-256");
    std::string text = std::to_string(data.size()) + ' ';
    for (unsigned i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += {digits[digest[i] >> 4], digits[digest[i] & 15]};
    }
    std::size_t words = 0;
    bool in_word = false;
    for (const char c : data.text()) {
        const bool space = c == ' ' || (c >= '\t' && c <= '\r');
        words += !space && !in_word;
        in_word = !space;
    }
    return text + ' ' + std::to_string(words);
}

std::string read_file(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return std::move(content).str();
}

std::vector<std::filesystem::path> sources_below(const std::filesystem::path& folder, std::size_t at_most)
{
    namespace fs = std::filesystem;
    std::vector<fs::path> found;
    const auto options = fs::directory_options::skip_permission_denied;
    for (auto at = fs::recursive_directory_iterator(folder, options); at != fs::end(at) && found.size() < at_most;
         ++at) {
        if (at->is_directory() && at->path().filename().string().ends_with("-packages"))
            at.disable_recursion_pending(); // not of the standard library
        else if (at->is_regular_file() && at->path().extension() == ".py")
            found.push_back(at->path());
    }
    check(!found.empty(), "no Python sources below " + folder.string());
    return found;
}

// Lines of words.
std::string text_of(std::size_t size)
{
    std::string text(size, 'x');
    for (std::size_t i = 40; i < size; i += 40 + i % 977)
        text[i] = i % 8 != 0 ? ' ' : '\n';
    return text;
}

/// Where messages come from: `load(i)` is the i-th of `count`.
class source {
public:
    source(std::size_t n, std::function<std::string(std::size_t)> f) : count(n), load(std::move(f)) {}

    std::size_t count;
    std::function<std::string(std::size_t)> load;
};

using connection = ferrule::message_duplex<ferrule::multiprocessing_bytes>;

class session {
public:
    session(connection python, std::size_t questions)
        : python_(std::move(python)),
          questions_("questions of Python, answered by C++", questions, row::progress::hidden),
          verdict_("verdict " + std::to_string(questions) + ' ' + std::to_string(questions))
    {
    }

    /// Sends all messages of the source and, at the same time, receives the replies to them.
    asio::awaitable<void> exchange(std::string name, source messages)
    {
        using namespace asio::experimental::awaitable_operators;
        row line(name, messages.count);
        auto both = receive(messages.count, line) && send_all(messages);
        co_await std::move(both);
        line.finish();
    }

    /// Says that nothing more comes, and answers what Python still asks.
    asio::awaitable<void> end()
    {
        co_await python_.async_send("end", timeout);
        for (;;) {
            const std::string said = co_await next();
            if (said.empty())
                continue;
            check(said == verdict_, "Python should say: " + verdict_ + ". It says: " + said);
            break;
        }
        questions_.finish();
        ferrule::error_code ec;
        const ferrule::bytes more = co_await python_.async_recv(timeout, asio::redirect_error(asio::use_awaitable, ec));
        check(ec == ferrule::errc::end_of_stream, "after the verdict, instead of the end: " + ec.message());
    }

private:
    asio::awaitable<void> send_all(const source& messages)
    {
        for (std::size_t i = 0; i < messages.count; ++i) {
            const std::string message = messages.load(i);
            sent_.emplace_back(message.size(), "reply " + describe(message));
            co_await turn_.async_lock(timeout); // nothing may come between an announcement and its message
            const std::lock_guard guard(turn_, std::adopt_lock);
            co_await python_.async_send("message", timeout);
            co_await python_.async_send(message, timeout);
        }
    }

    asio::awaitable<void> receive(std::size_t count, row& line)
    {
        while (count != 0) {
            const std::string said = co_await next();
            if (said.empty())
                continue;
            check(!sent_.empty() && said == sent_.front().second, "Python's wrong reply: " + said);
            line.count(sent_.front().first);
            sent_.pop_front();
            --count;
        }
    }

    /// What Python says, or nothing if it was a question.
    asio::awaitable<std::string> next()
    {
        ferrule::bytes message = co_await python_.async_recv(timeout);
        if (message.text() != "question")
            co_return std::string(message.text());
        message = co_await python_.async_recv(timeout);
        questions_.count(message.size());
        // Not awaited: it may have to wait until Python has read what is being sent, and Python may be waiting for us.
        const auto executor = co_await asio::this_coro::executor;
        co_spawn(executor, answer("answer " + describe(message)), rethrow);
        co_return std::string();
    }

    asio::awaitable<void> answer(std::string text)
    {
        co_await turn_.async_lock(timeout);
        const std::lock_guard guard(turn_, std::adopt_lock);
        co_await python_.async_send(text, timeout);
    }

    connection python_;
    ferrule::cross_lock turn_;
    std::deque<std::pair<std::size_t, std::string>> sent_; // sizes, and the replies that are due
    row questions_;
    std::string verdict_;
};

asio::awaitable<void> converse(session& s, std::vector<std::filesystem::path> files)
{
    const std::string name = std::to_string(files.size()) + " files of the standard library";
    source contents(files.size(), [&files](std::size_t i) { return read_file(files[i]); });
    co_await s.exchange(name, contents);

    const std::vector<std::size_t> sizes{0, 1, 16384, 16385};
    source edges(sizes.size(), [&sizes](std::size_t i) { return text_of(sizes[i]); });
    co_await s.exchange("0, 1, 16384 and 16385 bytes", edges);

    source largest(1, [](std::size_t) { return text_of(ferrule::limits().max_payload()); });
    co_await s.exchange("64 MiB, the most that is allowed by default", largest);
    co_await s.end();
}

ferrule::child start(const std::vector<std::string>& command, const ferrule::endpoint& inherited)
{
    try {
        return ferrule::spawn(command, inherited, 3);
    } catch (const ferrule::error& e) {
        throw std::runtime_error("cannot start " + command.front() + ": " + e.code().message());
    }
}

} // namespace

void with_python(bool quick)
{
    std::vector<std::string> command{"python3", "-c", script, "0", "1", "16384", "16385", "1000000"};
    if (!quick) {
        for (std::size_t size = 3; size < 1000000; size = size * 2 + 1)
            command.push_back(std::to_string(size));
        command.push_back(std::to_string(ferrule::limits().max_payload()));
    }
    auto ends = ferrule::socketpair(ferrule::multiprocessing_bytes());
    ferrule::child python = start(command, ends.second);
    try {
        ends.second.close();
        const std::string version(ends.first.recv(timeout).text());
        const std::filesystem::path library(ends.first.recv(timeout).text());
        title("C++ and Python " + version +
              " (multiprocessing.connection.Connection): size, SHA-256 and words compared");
        session s(ends.first, command.size() - 3);
        run(converse(s, sources_below(library, quick ? 60 : 600)));
        check(python.wait(timeout).success(), "Python's exit status");
    } catch (...) {
        python.kill();
        throw;
    }
}

} // namespace demo
