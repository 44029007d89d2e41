// The checks of the contract, one function each. Private.
#pragma once

#include <ferrule/testing/socket_contract.hpp>

namespace ferrule::testing::kit {

using check = void(const connection_kind&, call_style);

// The type itself
check arm_is_honest_about_reading, arm_is_honest_about_writing, arm_is_honest_after_both_ends,
    nothing_there_is_no_error;
// Transfers
check bytes_arrive_in_order, every_read_takes_its_bytes, messages_arrive_whole, both_ways_at_once, everybody_at_once;
// P1
check interrupted_message_reads, interrupted_byte_reads, interrupted_packet_reads, large_read_gives_back,
    destroyed_reads, small_read_gives_back;
// P2
check interrupted_message_sends, interrupted_byte_sends, interrupted_packet_sends, send_reports_progress, tail_goes_out,
    reply_while_tail_waits, tail_of_another, destroyed_sends;
// P4
check close_answers_readers, close_answers_senders;
// P5
check limits_hold;
// P6
check deadline_covers_the_lock, zero_means_now;
// P8
check end_at_every_byte, end_of_bytes, end_of_packets, end_of_empty_packets, sender_learns_of_the_end,
    failed_send_spares_what_has_come;
// P9
check raw_and_messages_mix;
// Packets
check packets_keep_their_boundaries, packets_are_cut_to_size, packets_are_messages, packets_have_no_separators;

} // namespace ferrule::testing::kit
