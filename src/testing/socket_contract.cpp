#include <ferrule/testing/socket_contract.hpp>

#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/expect.hpp"

#include <string>

namespace ferrule::testing {
namespace {

using kind = connection_kind;

bool any(const kind&) noexcept
{
    return true;
}
bool streams(const kind& k) noexcept
{
    return k.transfers == transfer_kind::stream;
}
bool packets(const kind& k) noexcept
{
    return k.transfers == transfer_kind::message;
}
bool sender_waits(const kind& k) noexcept
{
    return !k.drops;
}
bool two_way(const kind& k) noexcept
{
    return k.two_way && !k.drops;
}
bool two_way_streams(const kind& k) noexcept
{
    return k.two_way && streams(k);
}
bool ending_streams(const kind& k) noexcept
{
    return k.has_end && streams(k);
}
bool ending_packets(const kind& k) noexcept
{
    return k.has_end && packets(k);
}
bool telling(const kind& k) noexcept
{
    return k.tells_sender;
}
bool outliving_streams(const kind& k) noexcept
{
    return two_way_streams(k) && telling(k) && k.survives_close;
}

constexpr contract_check checks[] = {
    {"socket_like", "a read that finds nothing says so, and does not wait", any, kit::nothing_there_is_no_error},
    {"socket_like", "who waits for bytes sleeps until they come, and is told as long as they are there", any,
     kit::arm_is_honest_about_reading},
    {"socket_like", "who waits for bytes is told of those that are left after both ends have ended their output",
     two_way_streams, kit::arm_is_honest_after_both_ends},
    {"socket_like", "who waits for room sleeps until there is some, and is told as long as there is", sender_waits,
     kit::arm_is_honest_about_writing},

    {"P9", "bytes arrive, all of them, in order, whatever their number", streams, kit::bytes_arrive_in_order},
    {"P9", "every kind of read takes exactly its bytes", streams, kit::every_read_takes_its_bytes},
    {"P9", "messages arrive whole, whatever their size", streams, kit::messages_arrive_whole},
    {"P9", "a raw read starts at the byte after the last message, and the reverse", streams, kit::raw_and_messages_mix},
    {"P3", "both directions work at once", two_way, kit::both_ways_at_once},
    {"P3", "messages of several threads and coroutines do not mix", sender_waits, kit::everybody_at_once},

    {"P9", "one send is one packet, an empty one too", packets, kit::packets_keep_their_boundaries},
    {"P8", "a packet that is longer than asked for is cut, and reported", packets, kit::packets_are_cut_to_size},
    {"P9", "one packet is one message, whatever the framing", packets, kit::packets_are_messages},
    {"P8", "packets are not searched for separators", packets, kit::packets_have_no_separators},

    {"P1", "messages are read whole whatever interrupts a read", streams, kit::interrupted_message_reads},
    {"P1", "bytes are read once whatever interrupts a read", streams, kit::interrupted_byte_reads},
    {"P1", "packets are read once whatever interrupts a read", packets, kit::interrupted_packet_reads},
    {"P1", "a large read into a buffer that ends early gives its bytes back", streams, kit::large_read_gives_back},
    {"P1", "a read into a small buffer that ends before its first turn gives its bytes back in order", streams,
     kit::small_read_gives_back},
    {"P1", "a read that is destroyed at any step loses nothing", any, kit::destroyed_reads},

    {"P2", "frames arrive whole whatever interrupts a send", streams, kit::interrupted_message_sends},
    {"P2", "bytes arrive once whatever interrupts a send", streams, kit::interrupted_byte_sends},
    {"P2", "packets arrive once whatever interrupts a send", packets, kit::interrupted_packet_sends},
    {"P2", "the error says whether the frame was started, and how much had left", streams, kit::send_reports_progress},
    {"P2", "the rest of a frame goes out with flush and with close", streams, kit::tail_goes_out},
    {"P2", "the rest of a frame goes out while a receive of the same endpoint waits", two_way_streams,
     kit::reply_while_tail_waits},
    {"P2", "a receive sleeps while the rest of a frame is left to a send that waits elsewhere", two_way_streams,
     kit::tail_of_another},
    {"P2", "a send that is destroyed leaves the rest to the endpoint", streams, kit::destroyed_sends},

    {"P4", "close answers everybody who waits for bytes", any, kit::close_answers_readers},
    {"P4", "close answers everybody who waits for room", sender_waits, kit::close_answers_senders},

    {"P5", "the limit is inclusive, holds for both directions, and is no obstacle to others", any, kit::limits_hold},

    {"P6", "the deadline covers waiting for another operation, and says so", any, kit::deadline_covers_the_lock},
    {"P6", "zero, or a time that is past, means only what is possible right now", any, kit::zero_means_now},

    {"P8", "an end at every byte of a frame is a clean end or a truncated frame", ending_streams,
     kit::end_at_every_byte},
    {"P8", "the end of a stream of bytes, with and without a rest", ending_streams, kit::end_of_bytes},
    {"P8", "the end comes after the last packet, and is none", ending_packets, kit::end_of_packets},
    {"P8", "empty packets in a row are not taken for the end", ending_packets, kit::end_of_empty_packets},
    {"P8", "sending to somebody who has gone is an error that says so", telling, kit::sender_learns_of_the_end},
    {"P8", "a send that fails because the peer has gone leaves what has come to receives", outliving_streams,
     kit::failed_send_spares_what_has_come},
};

} // namespace

void contract_check::run(const connection_kind& k) const
{
    for (const call_style s : kit::all_styles) {
        const auto fail = [&](const char* what) {
            throw contract_failure(k.name + ": " + std::string(promise_) + ": " + std::string(name_) + ": " +
                                   kit::name(s) + kit::note::take() + ": " + what);
        };
        kit::note::take();
        try {
            check_(k, s);
        } catch (const contract_failure& e) {
            fail(e.what());
        } catch (const error& e) { // from a call that should succeed
            fail(e.what());
        }
    }
}

std::span<const contract_check> socket_contract() noexcept
{
    return checks;
}

} // namespace ferrule::testing
