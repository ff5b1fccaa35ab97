#include "operation.hpp"

#include "prefetch.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace postrider::line {

namespace asio = boost::asio;

namespace {

// As asio::post(). To a context itself where there is one behind the executor: then it takes no memory each
// time.
template <class Function>
void post(const asio::any_io_executor& to, Function what) {
    auto recycling = asio::bind_allocator(recycled<std::byte>(), std::move(what));
    if (const auto* context = to.target<asio::io_context::executor_type>()) {
        asio::post(*context, std::move(recycling));
    } else {
        asio::post(to, std::move(recycling));
    }
}

template <class Result>
void call(operation& op) {
    operation::receiver<Result>& to = op.receiver_for<Result>();
    // Let go of where it may be used.
    asio::get_associated_cancellation_slot(to.handler).clear();
    std::move(to.handler)(std::move(*to.answer));
}

// Calls the handler where it wants to be called, and never within the client's strand: it may wait there for
// something else of this client.
template <class Result>
void answer(const std::shared_ptr<operation>& op, std::type_identity_t<Result>&& result,
            const asio::any_io_executor& own) {
    operation::receiver<Result>& to = op->receiver_for<Result>();
    if (to.at_once != nullptr) {
        to.at_once(to.whom, to.number, std::move(result));
        return;
    }
    to.answer.emplace(std::move(result));
    post(own, [op] {
        if (const auto* elsewhere = std::get_if<asio::any_completion_executor>(&op->place)) {
            elsewhere->execute([op] { call<Result>(*op); });
        } else {
            call<Result>(*op);
        }
    });
}

} // namespace

std::shared_ptr<operation> operation::plain(kind what) {
    return std::allocate_shared<operation>(recycled<operation>(), what);
}

std::shared_ptr<operation> operation::message(outgoing&& mail, bool probe) {
    auto op = plain(probe ? kind::probe : kind::send);
    op->mail.emplace(std::move(mail), probe);
    return op;
}

void operation::foresee() const {
    prefetch(this, reinterpret_cast<const char*>(&mail) + delivery::usual_size);
}

// The transaction is the first member of the mail, and that the last of an operation.
void operation::foresee(const transaction& of_mail) {
    const char* const at = reinterpret_cast<const char*>(&of_mail);
    prefetch(at - (sizeof(operation) - sizeof mail), at + delivery::usual_size);
}

void operation::finish(const std::shared_ptr<operation>& op, const status& s, const line::mask& mask,
                       const asio::any_io_executor& own) {
    if (op->answered) {
        return;
    }
    op->answered = true;
    if (!op->mail) {
        answer<status>(op, status(s), own);
        return;
    }
    send_result r = op->mail->take_results();
    if (!mask.is_empty()) {
        r.text = mask.over(std::move(r.text));
        for (recipient_outcome& o : r.recipients) {
            o.text = mask.over(std::move(o.text));
        }
    }
    if (r.detail.empty() && !r.ok()) {
        r.detail = s.detail;
    }
    r.connection = s.connection;
    answer<send_result>(op, std::move(r), own);
}

} // namespace postrider::line
