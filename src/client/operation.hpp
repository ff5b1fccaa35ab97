// operation.hpp - something a client was asked for, and how its answer reaches whoever asked.
#pragma once

#include "delivery.hpp"
#include "mask.hpp"
#include "postrider/client.hpp"
#include "recycled.hpp"
#include "shared_list.hpp"

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace postrider::line {

struct operation : shared_list_member<operation> {
    using listed_as = operation;
    enum class kind { connect, send, probe, ask, quit };
    template <class Result>
    using completion = boost::asio::any_completion_handler<void(Result)>;

    /// How an answer reaches whoever asked.
    template <class Result>
    struct receiver {
        receiver() noexcept {} // NOLINT(modernize-use-equals-default): that one would be zeroed first

        completion<Result> handler;
        std::optional<Result> answer; ///< on its way to the handler
        /// Instead of the handler, and called at once: for those who know what they are doing. Null for a
        /// handler. It gets the two below.
        void (*at_once)(void* whom, std::size_t number, Result&& result) = nullptr;
        void* whom = nullptr;
        std::size_t number = 0;
    };

    explicit operation(kind k) : what(k) {
        if (k != kind::send && k != kind::probe) {
            receivers.emplace<receiver<status>>();
        }
    }

    static std::shared_ptr<operation> plain(kind what);
    static std::shared_ptr<operation> message(outgoing&& mail, bool probe);

    /// A send_result for messages and probes, else a status.
    template <class Result>
    receiver<Result>& receiver_for() {
        return std::get<receiver<Result>>(receivers);
    }
    /// Its answer: the only one, whatever is known of a message by now. `s` holds the connection. `own` is
    /// where to go when the handler wants nothing else.
    static void finish(const std::shared_ptr<operation>& op, const status& s, const line::mask& mask,
                       const boost::asio::any_io_executor& own);

    /// What belongs to it and to the transaction of its mail is about to be needed.
    void foresee() const;
    static void foresee(const transaction& of_mail);

    const kind what;
    query question = query::noop;
    bool reused = false;    // it found a kept session
    bool retried = false;   // which was dead
    bool ahead = false;     // sent while others were under way
    bool repeated = false;  // once more, because of those
    bool cut_off = false;   // the line was broken off because of another one
    bool cancelled = false; // nobody wants it any more
    bool answered = false;  // finish() was called, and yet the engine still has it

    std::string argument; // of the question
    std::variant<receiver<send_result>, receiver<status>> receivers;
    // Keeps running what the handler is called in: the client's executor, or the handler's own.
    std::variant<boost::asio::any_io_executor, boost::asio::any_completion_executor> place;
    std::optional<delivery> mail;
};

/// Operations that wait, or are under way.
using operations = shared_list<operation>;

} // namespace postrider::line
