#include "platform/tls/connection.hpp"

#include "platform/tls/openssl.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <openssl/bio.h>
#include <openssl/x509v3.h>

namespace ferrule::tls {
namespace {

constexpr std::size_t max_record = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr std::size_t max_overhead = 1024; // of a record, and of a message of OpenSSL before it
// Beyond that OpenSSL has to wait, whatever the peer asks it to answer.
constexpr std::size_t max_held = 64 * 1024;
// Of one call of the descriptor below, after the handshake.
constexpr std::size_t max_read_ahead = 32 * 1024;
// In one call, so that the other direction gets its turn.
constexpr int max_records = 4;
// Small ones are read many at a time, since after each call the endpoint first asks whether there is more.
constexpr int max_small_records = 64;

error_code broken_pipe() noexcept
{
    return boost::system::errc::make_error_code(boost::system::errc::broken_pipe);
}

std::string text_of(const X509_NAME* name)
{
    const owned<BIO, &BIO_free> out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
        throw std::bad_alloc();
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

certificate read_certificate(X509* x)
{
    certificate c;
    c.subject = text_of(X509_get_subject_name(x));
    c.issuer = text_of(X509_get_issuer_name(x));
    bytes der;
    const int size = i2d_X509(x, nullptr);
    if (size < 0)
        throw std::bad_alloc();
    der.resize(static_cast<std::size_t>(size));
    auto* to = reinterpret_cast<unsigned char*>(der.data());
    i2d_X509(x, &to);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned n = 0;
    if (X509_digest(x, EVP_sha256(), digest.data(), &n) != 1)
        throw std::bad_alloc();
    for (unsigned i = 0; i < n; ++i)
        for (const int digit : {digest[i] >> 4, digest[i] & 15})
            c.sha256 += "0123456789abcdef"[digit];
    c.der = std::make_shared<const bytes>(std::move(der));
    return c;
}

bool is_ip_address(const std::string& name)
{
    const owned<ASN1_OCTET_STRING, &ASN1_OCTET_STRING_free> address(a2i_IPADDRESS(name.c_str()));
    ERR_clear_error(); // a name is no error
    return address != nullptr;
}

} // namespace

// ---- what OpenSSL calls ----

struct connection::callbacks {
    static connection& of(BIO* b) noexcept { return *static_cast<connection*>(BIO_get_data(b)); }

    static int read(BIO* b, char* to, int size) noexcept
    {
        connection& c = of(b);
        BIO_clear_retry_flags(b);
        const auto room = std::as_writable_bytes(std::span(to, static_cast<std::size_t>(size)));
        if (c.in_.empty()) {
            const io_result r = c.done_ ? c.read_ahead() : c.under_->try_read(room);
            if (r.status() != io_status::moved) {
                // OpenSSL could not continue after an error. So it always learns that it should try again, and
                // `evaluate` finds the reason.
                if (r.status() == io_status::end)
                    c.ended_below_ = true;
                else if (r.status() == io_status::failed)
                    c.below_ = r.error();
                BIO_set_retry_read(b);
                return -1;
            }
            if (!c.done_)
                return static_cast<int>(r.size());
        }
        const std::size_t n = std::min(room.size(), c.in_.size());
        std::copy_n(c.in_.begin(), n, room.begin());
        c.in_.drop_front(n);
        if (c.in_.empty())
            c.in_.reset();
        return static_cast<int>(n);
    }
    static int write(BIO* b, const char* from, int size) noexcept
    {
        connection& c = of(b);
        BIO_clear_retry_flags(b);
        try {
            if (c.out_.size() < max_held) {
                c.out_.append(byte_view(std::as_bytes(std::span(from, static_cast<std::size_t>(size)))));
                c.unsent_.store(c.out_.size(), std::memory_order_release);
                return size;
            }
        } catch (const std::bad_alloc&) {
            c.below_ = detail::no_memory();
        }
        BIO_set_retry_write(b);
        return -1;
    }
    static long control(BIO*, int what, long, void*) noexcept { return what == BIO_CTRL_FLUSH ? 1 : 0; }
    static int create(BIO* b) noexcept
    {
        BIO_set_init(b, 1);
        return 1;
    }

    static BIO_METHOD* method()
    {
        static const owned<BIO_METHOD, &BIO_meth_free> m = [] {
            owned<BIO_METHOD, &BIO_meth_free> made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ferrule"));
            if (!made || BIO_meth_set_read(made.get(), &read) != 1 || BIO_meth_set_write(made.get(), &write) != 1 ||
                BIO_meth_set_ctrl(made.get(), &control) != 1 || BIO_meth_set_create(made.get(), &create) != 1)
                throw std::bad_alloc();
            return made;
        }();
        return m.get();
    }

    // Where an SSL object keeps its connection.
    static int slot()
    {
        static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        if (index < 0)
            throw std::bad_alloc();
        return index;
    }
    static int choose_protocol(SSL* s, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                               unsigned offered_size, void*) noexcept
    {
        const auto* const c = static_cast<connection*>(SSL_get_ex_data(s, slot()));
        if (c == nullptr) // another user of the SSL_CTX
            return SSL_TLSEXT_ERR_NOACK;
        const auto& ours = c->context_.settings_->protocols;
        unsigned char* chosen = nullptr;
        if (SSL_select_next_proto(&chosen, size, ours.data(), static_cast<unsigned>(ours.size()), offered,
                                  offered_size) != OPENSSL_NPN_NEGOTIATED)
            return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
    }
};

// ---- the beginning and the end ----

connection::connection(const context& c, role r, const std::string& name)
    : context_(c),
      role_(r),
      generation_(detail::fork_generation()),
      name_(name)
{
    const context::settings& s = *context_.settings_;
    if (!(r == role::client ? s.for_clients : s.for_servers))
        detail::throw_in_context(errc::invalid_argument, "ferrule: TLS: a context for the other role");
    if (r == role::client && (name_.empty() ? !s.anyone : name_.find('\0') != name_.npos))
        detail::throw_in_context(errc::invalid_argument, "ferrule: TLS: server name '" + name_ + "'");
    ERR_clear_error();
    ssl_ = SSL_new(s.openssl.get());
    try {
        set_up();
    } catch (...) {
        SSL_free(ssl_);
        throw;
    }
}

void connection::choose_protocols(SSL_CTX* c) noexcept
{
    SSL_CTX_set_alpn_select_cb(c, &callbacks::choose_protocol, nullptr);
}

void connection::set_up()
{
    const context::settings& s = *context_.settings_;
    const auto check = [](bool well) {
        if (!well)
            detail::throw_in_context(first_error(), "ferrule: TLS");
    };
    check(ssl_ != nullptr && SSL_set_ex_data(ssl_, callbacks::slot(), this) == 1);
    BIO* const bio = BIO_new(callbacks::method());
    check(bio != nullptr);
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_, bio, bio);
    if (SSL_get_min_proto_version(ssl_) < TLS1_2_VERSION)
        check(SSL_set_min_proto_version(ssl_, TLS1_2_VERSION) == 1);
    SSL_set_options(ssl_, SSL_OP_NO_RENEGOTIATION);
    SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_set_quiet_shutdown(ssl_, 0);
    // Until the handshake is done, OpenSSL takes no byte behind the record that it needs. The caller that waits for the
    // next record in the other direction would not learn of it otherwise.
    SSL_set_read_ahead(ssl_, 0);
    if (role_ == role::client) {
        SSL_set_connect_state(ssl_);
        if (!s.protocols.empty())
            check(SSL_set_alpn_protos(ssl_, s.protocols.data(), static_cast<unsigned>(s.protocols.size())) == 0);
        SSL_set_verify(ssl_, s.anyone ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       SSL_CTX_get_verify_callback(s.openssl.get()));
        if (!name_.empty())
            set_name();
    } else {
        SSL_set_accept_state(ssl_);
    }
}

void connection::set_name()
{
    const auto check = [this](bool well) {
        if (!well)
            detail::throw_in_context(errc::invalid_argument, "ferrule: TLS: server name '" + name_ + "'");
    };
    X509_VERIFY_PARAM* const p = SSL_get0_param(ssl_);
    if (is_ip_address(name_)) // no name, so none for SNI either (RFC 6066, section 3)
        return check(X509_VERIFY_PARAM_set1_ip_asc(p, name_.c_str()) == 1);
    if (name_.ends_with('.'))
        name_.pop_back();
    // RFC 9525, section 6: a certificate names its servers in its alternative names only.
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    check(!name_.empty() && SSL_set1_host(ssl_, name_.c_str()) == 1);
    check(SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name_.data()) == 1);
}

connection::~connection()
{
    if (under_)
        close(); // if it was taken out of its endpoint
    else
        SSL_free(ssl_);
}

void connection::close() noexcept
{
    if (is_forked()) { // the parent uses the keys, and the mutex may be held by a thread of the parent
        if (!std::exchange(closed_, true))
            under_->close();
        return;
    }
    const std::lock_guard guard(mutex_);
    if (std::exchange(closed_, true))
        return;
    if (done_ && !failed_)
        end_output();
    if (push().status() == io_status::moved)
        discard_input();
    under_->close();
    SSL_free(std::exchange(ssl_, nullptr));
}

// TCP resets a connection that is closed with input that nobody has read, such as the peer's own close_notify. The peer
// would then lose what it has not read yet.
void connection::discard_input() noexcept
{
    std::array<std::byte, 4096> unwanted;
    for (int i = 0; i < 16; ++i)
        if (under_->try_read(unwanted).status() != io_status::moved)
            return;
}

bool connection::is_forked() const noexcept
{
    return detail::fork_generation() != generation_;
}

// ---- calls of OpenSSL ----

connection::outcome connection::evaluate(int result) noexcept
{
    const error_code below = std::exchange(below_, error_code());
    if (result > 0)
        return outcome::done;
    error_ = below;
    if (below)
        return outcome::failed;
    switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
        if (!ended_below_)
            return outcome::wants_read;
        error_ = errc::truncated;
        return outcome::failed;
    case SSL_ERROR_WANT_WRITE: return outcome::wants_write;
    case SSL_ERROR_ZERO_RETURN: return outcome::end;
    case SSL_ERROR_SSL:
    case SSL_ERROR_SYSCALL: {
        const unsigned long e = ERR_peek_last_error(); // those before it are details, such as that of a cipher
        const long verified = SSL_get_verify_result(ssl_);
        const bool distrusts = ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED;
        fail(distrusts && verified != X509_V_OK ? verification_error(verified) : error_of(e));
        return outcome::failed;
    }
    default: // waits for what a callback of the SSL_CTX would do
        fail(errc::unsupported);
        return outcome::failed;
    }
}

void connection::fail(error_code ec) noexcept
{
    ERR_clear_error();
    error_ = failed_ = ec;
    wake_waiting();
}

void connection::wake_waiting() noexcept
{
    for (const direction d : {direction::read, direction::write})
        if (armed_[index(d)])
            stale_[index(d)].store(true, std::memory_order_release);
}

// OpenSSL would read ahead as well, but moves all that it has read with every record.
io_result connection::read_ahead() noexcept
{
    try {
        in_.reserve(max_read_ahead);
    } catch (const std::bad_alloc&) {
        return io_result::failed(detail::no_memory());
    }
    const io_result r = under_->try_read(in_.spare());
    emptied_below_ = r.size() < in_.spare().size();
    if (r.status() == io_status::moved)
        in_.commit(r.size());
    else
        in_.reset();
    return r;
}

io_result connection::push() noexcept
{
    if (write_failed_)
        return io_result::failed(write_failed_);
    io_result r = io_result::moved(0);
    while (!out_.empty()) {
        const byte_view all(out_);
        r = under_->try_write({&all, 1});
        if (r.status() != io_status::moved)
            break;
        out_.drop_front(r.size());
        unsent_.store(out_.size(), std::memory_order_release);
    }
    if (r.status() == io_status::failed && r.error() == condition::broken) { // the rest will never leave
        write_failed_ = r.error();
        out_.reset();
        unsent_.store(0, std::memory_order_release);
    }
    return r.status() == io_status::moved ? io_result::moved(0) : r;
}

io_result connection::go_on_with_handshake() noexcept
{
    if (failed_)
        return io_result::failed(failed_);
    begun_ = true;
    for (;;) {
        ERR_clear_error();
        const outcome o = evaluate(SSL_do_handshake(ssl_));
        const io_result pushed = push();
        switch (o) {
        case outcome::done:
            done_ = true;
            wake_waiting();
            return io_result::moved(0);
        case outcome::wants_write:
            if (pushed.status() == io_status::moved)
                continue;
            [[fallthrough]];
        case outcome::wants_read:
            return pushed.status() == io_status::failed && !write_failed_ ? pushed : io_result::would_block();
        case outcome::end: return io_result::failed(errc::truncated);
        case outcome::failed: return io_result::failed(error_);
        }
    }
}

void connection::end_output() noexcept
{
    if ((SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) != 0)
        return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    below_ = {};
}

// ---- what the endpoint calls ----

io_result connection::shake_hands() noexcept
{
    if (is_forked())
        return io_result::failed(errc::forked);
    const std::lock_guard guard(mutex_);
    if (!done_)
        if (const io_result r = go_on_with_handshake(); r.status() != io_status::moved)
            return r;
    return push_all();
}

io_result connection::try_read(std::span<std::byte> in) noexcept
{
    if (is_forked())
        return io_result::failed(errc::forked);
    const std::lock_guard guard(mutex_);
    if (!done_)
        if (const io_result r = go_on_with_handshake(); r.status() != io_status::moved)
            return r;
    return read(in);
}

io_result connection::read(std::span<std::byte> in) noexcept
{
    drained_ = read_wants_write_ = false;
    std::size_t total = 0;
    for (int record = 0; total < std::min(in.size(), max_records * max_record) && record < max_small_records;) {
        if (failed_)
            return total != 0 ? io_result::moved(total) : io_result::failed(failed_);
        ERR_clear_error();
        std::size_t n = 0;
        const auto rest = in.subspan(total);
        const outcome o = evaluate(SSL_read_ex(ssl_, rest.data(), rest.size(), &n));
        const io_result pushed = push(); // an answer to the peer
        if (o == outcome::done) {
            total += n;
            ++record;
            // Another attempt would find nothing; most messages that are answered arrive so.
            drained_ = emptied_below_ && in_.empty() && SSL_has_pending(ssl_) == 0;
            if (drained_)
                break;
            continue;
        }
        if (o == outcome::wants_write && pushed.status() == io_status::moved)
            continue;
        drained_ = o == outcome::wants_read;
        read_wants_write_ = o == outcome::wants_write;
        if (total != 0) // the next call finds the same
            break;
        switch (o) {
        case outcome::end: return io_result::end();
        case outcome::failed: return io_result::failed(error_);
        default: return io_result::would_block();
        }
    }
    return io_result::moved(total);
}

io_result connection::try_write(std::span<const byte_view> out) noexcept
{
    if (is_forked())
        return io_result::failed(errc::forked);
    if (std::ranges::all_of(out, [](byte_view v) { return v.empty(); }))
        return io_result::moved(0);
    const std::lock_guard guard(mutex_);
    if (!done_)
        if (const io_result r = go_on_with_handshake(); r.status() != io_status::moved)
            return r;
    return write(out);
}

io_result connection::write(std::span<const byte_view> out) noexcept
{
    if (failed_ || write_failed_)
        return io_result::failed(failed_ ? failed_ : write_failed_);
    if ((SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) != 0)
        return io_result::failed(broken_pipe());
    write_wants_read_ = false;
    std::size_t taken = 0;
    std::size_t left = 0; // of what was taken, the records that have left
    for (int record = 0;; ++record) {
        const io_result pushed = push();
        if (write_failed_) // nothing of the last record will arrive
            return left != 0 ? io_result::moved(left) : broken_by_peer();
        if (pushed.status() != io_status::moved)
            return taken != 0 ? io_result::moved(taken) : pushed;
        left = taken;
        const std::size_t n = record < max_records ? encrypt(out, taken) : 0;
        taken += n;
        if (n == 0)
            break;
    }
    if (taken != 0)
        return io_result::moved(taken);
    return error_ ? io_result::failed(error_) : io_result::would_block();
}

std::size_t connection::encrypt(std::span<const byte_view> out, std::size_t skip) noexcept
{
    std::array<std::byte, max_record> joined;
    byte_view record;
    for (byte_view part : out) {
        const std::size_t skipped = std::min(skip, part.size());
        skip -= skipped;
        part = part.subspan(skipped);
        part = part.first(std::min(part.size(), max_record - record.size()));
        if (part.empty())
            continue;
        if (record.empty()) {
            record = part;
            continue;
        }
        if (record.data() != joined.data())
            std::copy(record.begin(), record.end(), joined.begin());
        std::copy(part.begin(), part.end(), joined.begin() + static_cast<std::ptrdiff_t>(record.size()));
        record = byte_view(joined).first(record.size() + part.size());
    }
    error_ = {};
    if (record.empty())
        return 0;
    try { // before OpenSSL encrypts, since a record that was made must be kept
        out_.reserve(record.size() + max_overhead);
    } catch (const std::bad_alloc&) {
        error_ = detail::no_memory();
        return 0;
    }
    ERR_clear_error();
    if (read_wants_write_) { // OpenSSL has begun a message of its own, which goes first
        if (evaluate(SSL_do_handshake(ssl_)) != outcome::done)
            return 0;
        read_wants_write_ = false;
        wake_waiting();
    }
    std::size_t n = 0;
    const outcome o = evaluate(SSL_write_ex(ssl_, record.data(), record.size(), &n));
    write_wants_read_ = o == outcome::wants_read;
    return o == outcome::done ? n : 0;
}

// A peer that refuses us says why, and closes. Its alert says more than a broken pipe does.
io_result connection::broken_by_peer() noexcept
{
    if (done_ && !failed_) {
        ERR_clear_error();
        std::byte next;
        std::size_t n = 0;
        (void)evaluate(SSL_peek_ex(ssl_, &next, 1, &n));
        drained_ = false; // OpenSSL may now hold what a reader waits for
        wake_waiting();
    }
    return io_result::failed(failed_ ? failed_ : write_failed_);
}

io_result connection::push_all() noexcept
{
    const io_result pushed = push();
    return write_failed_ ? broken_by_peer() : pushed;
}

io_result connection::try_flush() noexcept
{
    if (is_forked())
        return io_result::moved(0);
    const std::lock_guard guard(mutex_);
    if (begun_ && !done_)
        if (const io_result r = go_on_with_handshake(); r.status() != io_status::moved)
            return r;
    return push_all();
}

error_code connection::shutdown_write() noexcept
{
    if (is_forked())
        return errc::forked;
    const std::lock_guard guard(mutex_);
    if (failed_ || write_failed_)
        return failed_ ? failed_ : write_failed_;
    if (done_)
        end_output();
    else // `try_flush` finishes it, and then this is called again
        begun_ = true;
    return {};
}

readiness connection::arm(direction d) noexcept
{
    if (is_forked())
        return readiness::now();
    const std::lock_guard guard(mutex_);
    stale_[index(d)].store(false, std::memory_order_release);
    if (closed_ || failed_ || !begun_)
        return readiness::now();
    direction below = d;
    if (d == direction::read) {
        if (read_wants_write_ && out_.size() >= max_held)
            below = direction::write;
        else if (done_ && !drained_) // OpenSSL may hold more, even the end, or go on to write
            return readiness::now();
    } else if (out_.empty()) {
        if (done_ && !write_wants_read_)
            return readiness::now();
        below = direction::read;
    }
    armed_[index(d)] = below;
    return under_->arm(below);
}

void connection::disarm(direction d) noexcept
{
    if (is_forked())
        return;
    const std::lock_guard guard(mutex_);
    const std::optional<direction> mine = std::exchange(armed_[index(d)], std::nullopt);
    const direction other = d == direction::read ? direction::write : direction::read;
    if (mine && mine != armed_[index(other)] && !closed_)
        under_->disarm(*mine);
}

std::optional<session> connection::details() const
{
    if (is_forked())
        return std::nullopt;
    const std::lock_guard guard(mutex_);
    if (!done_ || closed_)
        return std::nullopt;
    session s;
    s.version = SSL_get_version(ssl_);
    s.cipher = SSL_get_cipher_name(ssl_);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &protocol, &size);
    s.alpn.assign(reinterpret_cast<const char*>(protocol), size);
    const char* const asked_for = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    s.server_name = role_ == role::client ? name_ : asked_for != nullptr ? asked_for : "";
    if (const owned<X509, &X509_free> peer{SSL_get1_peer_certificate(ssl_)}) {
        s.peer = read_certificate(peer.get());
        s.verified = SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl_) == X509_V_OK;
    }
    return s;
}

} // namespace ferrule::tls
