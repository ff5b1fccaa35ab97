// strand.hpp - where everything of one client happens, one thing after the other, and what waits there.
//
// As types of their own: Asio's any_io_executor would take memory for each step of a strand that is put into
// it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>

namespace postrider::line {

using strand = boost::asio::strand<boost::asio::any_io_executor>;
using strand_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, strand>;
using strand_descriptor = boost::asio::posix::basic_stream_descriptor<strand>;
using strand_socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, strand>;

} // namespace postrider::line
