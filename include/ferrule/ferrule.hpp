// What most programs use; other framings, Python and handles have headers of their own. Programs that only block compile
// faster with just those that they need.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/cross_lock.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/framing/none.hpp>
#include <ferrule/framing/varint.hpp>
#include <ferrule/message.hpp>
#include <ferrule/pair.hpp>
#include <ferrule/process.hpp>
