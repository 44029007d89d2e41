// What most programs use. Other framings, Python and handles have headers of their own. Programs without asynchronous
// calls compile faster with just the headers they need.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/cross_lock.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/framing/none.hpp>
#include <ferrule/framing/varint.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/async_server.hpp>
#include <ferrule/net/connect.hpp>
#include <ferrule/net/listener.hpp>
#include <ferrule/net/peer.hpp>
#include <ferrule/net/server.hpp>
#include <ferrule/pair.hpp>
#include <ferrule/process/inherited.hpp>
#include <ferrule/process/spawn.hpp>
#include <ferrule/process/standard_streams.hpp>
