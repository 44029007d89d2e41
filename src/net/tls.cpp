#include <ferrule/net/tls.hpp>

#include "platform/caught.hpp"
#include "src/net/accept_queue.hpp"
#include "src/net/acceptor.hpp"
#include "src/net/connector.hpp"
#include "src/net/tls.hpp"

#include <span>
#include <utility>

namespace ferrule {
namespace {

class pending_tls final : public detail::pending_handshake {
public:
    explicit pending_tls(std::unique_ptr<tls::connection> c) noexcept : connection_(std::move(c)) {}

    [[nodiscard]] std::optional<readiness> advance() override
    {
        for (;;) {
            connection_->disarm(direction::write);
            const io_result r = connection_->shake_hands();
            if (r.status() == io_status::moved)
                return std::nullopt;
            if (r.status() == io_status::failed)
                throw_error(r.error());
            if (const readiness wanted = connection_->arm(direction::write); !wanted.is_now())
                return wanted;
        }
    }
    [[nodiscard]] descriptor take() noexcept override { return tls::stream(std::move(connection_)); }

private:
    std::unique_ptr<tls::connection> connection_;
};

/// A stream of one byte, which stands for the connection after its handshake.
class handshake_stream {
public:
    handshake_stream(std::unique_ptr<tls::connection> c, std::shared_ptr<detail::accept_queue> q) noexcept
        : connection_(std::move(c)),
          queue_(std::move(q))
    {
    }

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (!connection_)
            return io_result::end();
        if (const io_result r = connection_->shake_hands(); r.status() != io_status::moved)
            return r;
        try {
            queue_->put(tls::stream(std::move(connection_)));
        } catch (...) {
            return io_result::failed(os::caught());
        }
        in[0] = {};
        return io_result::moved(1);
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept
    {
        return connection_ ? connection_->arm(direction::write) : readiness::now();
    }
    void disarm(direction) noexcept
    {
        if (connection_)
            connection_->disarm(direction::write);
    }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept { connection_.reset(); }

private:
    std::unique_ptr<tls::connection> connection_;
    std::shared_ptr<detail::accept_queue> queue_;
};

message_reader<detail::secured> starting(const duplex& plain, const tls::context& c, tls::role r,
                                         const std::string& name, const std::string& with)
{
    // Whatever can fail precedes taking the descriptor.
    auto connection = std::make_unique<tls::connection>(c, r, name);
    const auto queue = std::make_shared<detail::accept_queue>();
    queue->describe("ferrule: TLS with " + with);
    {
        const detail::handle_use use(plain.channel());
        if (use.descriptor() != nullptr && use.descriptor()->kind() != transfer_kind::stream)
            throw_error(errc::unsupported);
    }
    connection->attach(detail::take_descriptor(plain.channel()).take());
    return message_reader<detail::secured>(handshake_stream(std::move(connection), queue),
                                           detail::secured(queue, plain.limits()));
}

} // namespace

detail::begin_handshake detail::tls_handshake(const tls::context& c, tls::role r, const std::string& server_name)
{
    (void)tls::connection(c, r, server_name); // throws for arguments that do not fit
    begin_handshake begin = [c, r, server_name](descriptor d) -> std::unique_ptr<pending_handshake> {
        return std::make_unique<pending_tls>(tls::open(std::move(d), c, r, server_name));
    };
    begin.encrypts = true;
    return begin;
}

message_reader<detail::secured> detail::starting_client(const duplex& plain, const tls::context& c,
                                                        const std::string& server_name)
{
    return starting(plain, c, tls::role::client, server_name, "'" + server_name + "'");
}

message_reader<detail::secured> detail::starting_server(const duplex& plain, const tls::context& c)
{
    return starting(plain, c, tls::role::server, {}, "a client");
}

descriptor detail::start_connecting(const tls::destination& to, const tls::context& c, const connect_options& o,
                                    std::shared_ptr<accept_queue>& q)
{
    return start_connecting(to.where, o.settings(), tls_handshake(c, tls::role::client, to.name), q);
}

descriptor detail::listen(std::vector<address>& at, const tls::context& c, const listen_options& o,
                          std::shared_ptr<accept_queue>& q)
{
    return listen(at, o.settings(), tls_handshake(c, tls::role::server, {}), q);
}

namespace tls {

std::optional<session> session_of(const endpoint& e)
{
    const detail::handle_use use(e.channel());
    if (use.descriptor() == nullptr)
        throw_error(errc::closed);
    auto* const holder = dynamic_cast<detail::descriptor_holder<stream>*>(use.descriptor());
    if (holder == nullptr)
        throw_error(errc::unsupported);
    return holder->value().get().details();
}

duplex start_client(const duplex& plain, const context& c, const std::string& server_name, const until& timeout)
{
    return detail::starting_client(plain, c, server_name).recv(timeout);
}

duplex start_server(const duplex& plain, const context& c, const until& timeout)
{
    return detail::starting_server(plain, c).recv(timeout);
}

duplex connect(const destination& to, const context& c, const connect_options& o, const until& timeout)
{
    return detail::connecting<void>(to, c, o).recv(timeout);
}

duplex connect(const destination& to, const context& c, const connect_options& o, const until& timeout,
               error_code& ec) noexcept
{
    try {
        return detail::connecting<void>(to, c, o).recv(timeout, ec);
    } catch (...) {
        ec = detail::thrown_code();
        return {};
    }
}

} // namespace tls
} // namespace ferrule
