// Everything. Programs that only block compile faster with the headers that they need.
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
