// What a served port says of its line, where the port is one of a server that says what each test wants.
#include "support/rfc2217_server.hpp"
#include "support/test.hpp"

#include <ferrule/net/connect.hpp>
#include <ferrule/net/serial_server.hpp>

using namespace std::string_literals;

TEST_CASE("serial_server: a client is told of the errors of the line that it has asked for, and of later ones only")
{
    scripted_server lab;
    serial_port port = lab.open();
    listener<> here(address("tcp://127.0.0.1:0"));
    auto serving = std::async(std::launch::async, [&] {
        serve_serial_port(here.accept(timeout), port, timeout); // ours
        serve_serial_port(here.accept(timeout), port, timeout); // one that speaks bytes
    });

    {
        const std::string where = "rfc2217://127.0.0.1:" + here.address().service();
        auto opening = std::async(std::launch::async, [&] { return serial_port(where, timeout); });
        serial_port client = opening.get();
        for (int i = 0; i < 3; ++i) // RTS, DTR, and a purge
            lab.answer(lab.next());
        lab.answer({com_code::notify_line_state, 0x1e});
        CHECK(client.errors_change({}, timeout) == line_errors(1, 1, 1, 1));
        lab.answer({com_code::notify_line_state, 0x04});
        CHECK(run(client.async_errors_change(line_errors(1, 1, 1, 1), timeout)) == line_errors(2, 1, 1, 1));
    }

    duplex client = connect("tcp://127.0.0.1:" + here.address().service(), timeout);
    const auto next = [&](char code) {
        for (;;) {
            std::string m(client.recv_until("\xff\xf0"s, timeout).text());
            m.erase(0, m.find("\xff\xfa\x2c") + 3);
            if (m[0] == code)
                return m.substr(1, m.size() - 3);
        }
    };
    client.send("\xff\xfd\x2c\xff\xfa\x2c\x0a\x10\xff\xf0"s, timeout); // COM-PORT, and a mask: breaks
    CHECK(next('\x6e') == "\x10");
    client.send("\xff\xfa\x2c\x01\0\0\0\0\xff\xf0"s, timeout);
    CHECK(next('\x65') == "\0\0\x25\x80"s);          // it looks at the port meanwhile
    lab.answer({com_code::notify_line_state, 0x0e}); // no break
    lab.answer({com_code::notify_line_state, 0x14});
    CHECK(next('\x6a') == "\x10");
    client.send("\xff\xfa\x2c\x0a\0\xff\xf0"s, timeout);
    CHECK(next('\x6e') == "\0"s);
    lab.answer({com_code::notify_line_state, 0x10});
    client.send("\xff\xfa\x2c\x01\0\0\0\0\xff\xf0"s, timeout);
    const bytes last = client.recv_until("\x65\0\0\x25\x80"s, timeout);
    CHECK(last.text().find('\x6a') == last.text().npos); // nothing of errors any more
    client.close();
    serving.get();
}
