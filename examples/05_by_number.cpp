// Wrapping a descriptor that is known by its number only, in another thread: `duplicate` makes a descriptor of its own,
// `borrow` uses the number as it is, `adopt` (see 06) takes it over.
#include <ferrule/pair.hpp>

#include <iostream>
#include <thread>

int main()
{
    using namespace std::chrono_literals;
    auto [in, out] = ferrule::pipe();

    std::thread sender(
        [](ferrule::native_handle_type number) {
            //[thread
            const ferrule::descriptor borrowed = ferrule::borrow(number); // never closes the number
            ferrule::writer own(ferrule::duplicate(number));
            own.send("one line\n");
            own.send("another line\n");
            //]
        },
        out.native_handle());
    sender.join(); // until here the number had to stay open
    std::cout << "still open: " << std::boolalpha << out.is_open() << '\n';
    out.close();

    //[borrow
    ferrule::reader again(ferrule::borrow(in.native_handle()));
    std::cout << again.recv_line(10s).text() << '\n';
    std::cout << again.recv_line(10s).text() << '\n';
    std::cout << "left: " << again.recv_all(10s).size() << " bytes\n";
    again.close();
    //]
    std::cout << "still open: " << in.is_open() << '\n';
}
