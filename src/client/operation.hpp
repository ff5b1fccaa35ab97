// operation.hpp - something a client was asked for, and how its answer reaches whoever asked.
#pragma once

#include "delivery.hpp"
#include "mask.hpp"
#include "postrider/client.hpp"
#include "recycled.hpp"

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace postrider::line {

struct operation {
    enum class kind { connect, send, probe, ask, quit };
    template <class Result>
    using completion = boost::asio::any_completion_handler<void(Result)>;

    explicit operation(kind k) : what(k) {}

    static std::shared_ptr<operation> plain(kind what);
    static std::shared_ptr<operation> message(outgoing&& mail, bool probe);

    /// Its answer: the only one, whatever is known of a message by now. `s` holds the connection.
    /// `executor` is where to go when the handler wants nothing else.
    void finish(const status& s, const line::mask& mask, const boost::asio::any_io_executor& executor);

    const kind what;
    std::optional<delivery> mail;
    query question = query::noop;
    std::string argument;

    completion<status> on_status;
    completion<send_result> on_sent;
    boost::asio::any_completion_executor work; // keeps the handler's context running
    // Instead of the handlers, and called at once: for those who know what they are doing.
    std::function<void(status&&)> at_once;
    std::function<void(send_result&&)> sent_at_once;

    bool reused = false;    // it found a kept session
    bool retried = false;   // which was dead
    bool ahead = false;     // sent while others were under way
    bool repeated = false;  // once more, because of those
    bool cut_off = false;   // the line was broken off because of another one
    bool cancelled = false; // nobody wants it any more
    bool answered = false;  // finish() was called, and yet the engine still has it
};

/// Operations that wait, or are under way: no memory is held while there are none.
using operations = std::list<std::shared_ptr<operation>, recycled<std::shared_ptr<operation>>>;

} // namespace postrider::line
