// The handshake of Python's multiprocessing against golden transcripts, and against ends that do not keep to it.
#include <ferrule/python/multiprocessing/authentication.hpp>

#include "platform/digest.hpp"
#include "support/test.hpp"

#include <boost/json.hpp>

namespace json = boost::json;
using python::digest;
using python::handshake;

namespace {

using role = handshake::role;

const std::string key = "secret-key-0123";

json::value golden()
{
    std::ifstream in(FERRULE_SOURCE_DIR "/tests/vectors/auth.json");
    return json::parse(std::string((std::istreambuf_iterator<char>(in)), {}));
}

std::string bytes_of(const json::value& hex)
{
    return from_hex(std::string_view(hex.as_string()));
}

// Not every Windows has all digests.
bool is_missing(const json::object& row)
{
    const std::string_view name = row.at("digest").as_string();
    return name.starts_with("sha3_") && os::hmac(name, key, name).empty();
}

std::string random_from(int first)
{
    std::string s;
    for (int i = 0; i < 40; ++i)
        s += static_cast<char>(first + i);
    return s;
}

// Plays one part of a transcript: what it sends has to be what was sent.
void play(role r, const std::string& with_key, const json::array& frames)
{
    handshake h(r, with_key, digest::md5, random_from(r == role::listener ? 0 : 0x40));
    for (const json::value& f : frames) {
        const std::string message = bytes_of(f.at("hex")).substr(4);
        INFO(message);
        REQUIRE(!h.is_done());
        const bool ours = (f.at("from").as_string() == "S") == (r == role::listener);
        REQUIRE(h.sends() == ours);
        if (ours)
            CHECK(to_hex(h.next()) == to_hex(byte_view(message)));
        else
            h.take(message);
    }
    CHECK(h.is_done());
    CHECK(static_cast<bool>(h.result()) == (frames.size() != 6));
}

// Both are ours.
void converse(handshake& listener, handshake& client)
{
    while (!listener.is_done() || !client.is_done()) {
        handshake& from = !listener.is_done() && listener.sends() ? listener : client;
        handshake& to = &from == &listener ? client : listener;
        if (from.is_done())
            break;
        const bytes message = from.next();
        CHECK(message.size() <= handshake::max_message);
        if (to.is_done())
            break;
        to.take(message);
    }
}

error_code result_of(const handshake& h)
{
    try {
        h.check();
    } catch (const error& e) {
        CHECK(h.result() == e.code());
        return e.code();
    }
    CHECK(!h.result());
    return {};
}

} // namespace

TEST_CASE("python authentication: the golden transcripts are replayed byte for byte")
{
    std::size_t seen = 0;
    const json::value all = golden();
    for (const json::value& t : all.at("transcripts").as_array()) {
        const std::string name(t.at("name").as_string());
        INFO(name);
        const json::array& frames = t.at("frames").as_array();
        const bool wrong = name.find("wrong") != std::string::npos;
        // Ours ask as CPython from 3.12 does; they answer whoever asks.
        if (name.rfind("modern listener", 0) == 0) {
            play(role::listener, key, frames);
            ++seen;
        }
        if (name.find("modern client") != std::string::npos) {
            play(role::client, wrong ? "wrong" : key, frames);
            ++seen;
        }
    }
    CHECK(seen == 6);
}

TEST_CASE("python authentication: every digest that CPython knows is answered")
{
    std::size_t seen = 0;
    const json::value all = golden();
    for (const json::value& row : all.at("hmac").as_array()) {
        const json::object& r = row.as_object();
        const bool is_asked_for = r.contains("response_message");
        if (!is_asked_for && (r.at("digest") != "md5" || r.at("authkey") == "empty:"))
            continue; // a challenge of 20 bytes is one for md5
        std::string with = key;
        if (!is_asked_for) {
            const std::string_view described = r.at("authkey").as_string();
            with = from_hex(described.substr(described.find(':') + 1));
        }
        handshake h(role::client, with);
        h.take("#CHALLENGE#" + bytes_of(r.at("challenge_payload")));
        ++seen;
        if (is_missing(r)) {
            CHECK(result_of(h) == errc::unauthenticated);
            continue;
        }
        CHECK(to_hex(h.next()) == std::string_view(r.at(is_asked_for ? "response_message" : "mac").as_string()));
    }
    CHECK(seen == 9);
}

TEST_CASE("python authentication: two ends with one key trust each other, and with two keys neither does")
{
    for (const digest least : {digest::md5, digest::sha256}) {
        handshake listener(role::listener, "k", least);
        handshake client(role::client, "k", least);
        converse(listener, client);
        CHECK(!result_of(listener));
        CHECK(!result_of(client));
    }
    handshake listener(role::listener, "k");
    handshake client(role::client, "another");
    converse(listener, client);
    CHECK(result_of(listener) == errc::unauthenticated);
    CHECK(result_of(client) == errc::unauthenticated);
    CHECK_THROWS_AS(handshake(role::client, ""), usage_error);
}

TEST_CASE("python authentication: a challenge is never the same")
{
    handshake a(role::listener, "k");
    handshake b(role::listener, "k");
    const bytes first = a.next();
    CHECK(first.size() == 59);
    CHECK(!(first == b.next()));
}

TEST_CASE("python authentication: old digests can be refused")
{
    const std::string twenty(20, 'n');
    handshake client(role::client, key, digest::sha256);
    client.take("#CHALLENGE#" + twenty);
    CHECK(client.is_done());
    CHECK(result_of(client) == errc::unauthenticated);
    const json::value all = golden();
    for (const json::value& row : all.at("hmac").as_array()) {
        const json::object& r = row.as_object();
        if (!r.contains("response_message") || r.at("digest") == "md5 legacy" || is_missing(r))
            continue;
        handshake h(role::client, key, digest::sha256);
        h.take("#CHALLENGE#" + bytes_of(r.at("challenge_payload")));
        CHECK(h.is_done() == (r.at("digest") == "md5"));
    }
}

TEST_CASE("python authentication: an end that does not keep to it is refused, and told so only where it has failed")
{
    for (const std::string challenge : {"", "#CHALLENGE", "#WELCOME#", "hello", "#CHALLENGE#", "#CHALLENGE#short"}) {
        INFO(challenge);
        handshake client(role::client, key);
        client.take(challenge);
        CHECK(client.is_done());
        CHECK(result_of(client) == errc::unauthenticated);
    }
    for (const std::string digest_name : {"{sha512}", "{}", "{sha1}", "{md5", "sha256}", "{sha256 }", "{SHA256}"}) {
        INFO(digest_name);
        handshake client(role::client, key);
        client.take("#CHALLENGE#" + digest_name + std::string(40, 'n'));
        CHECK(client.is_done());
    }
    for (const std::string& response :
         {std::string(), std::string(16, 'm'), std::string(20, 'm'), std::string("{sha256}"),
          "{sha256}" + std::string(32, 'm'), "{sha256}" + std::string(31, 'm'), "{sha512}" + std::string(64, 'm'),
          std::string(256, '{')}) {
        INFO(response);
        handshake listener(role::listener, key);
        (void)listener.next();
        listener.take(response);
        CHECK(!listener.is_done());
        REQUIRE(listener.sends());
        CHECK(listener.next().text() == "#FAILURE#");
        CHECK(listener.is_done());
        CHECK(result_of(listener) == errc::unauthenticated);
    }
    for (const char* verdict : {"#FAILURE#", "#WELCOME# ", "#welcome#", ""}) {
        INFO(verdict);
        handshake client(role::client, key);
        client.take("#CHALLENGE#{sha256}" + std::string(40, 'n'));
        (void)client.next();
        client.take(verdict);
        CHECK(client.is_done());
        CHECK(result_of(client) == errc::unauthenticated);
    }
}
