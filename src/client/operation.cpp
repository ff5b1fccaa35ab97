#include "operation.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace postrider::line {

namespace asio = boost::asio;

namespace {

// Calls the handler where it wants to be called, and never within the client's strand: it may wait there for
// something else of this client. Its slot is let go of in the same place, for that is where it may be used.
template <class Result>
void complete(operation::completion<Result> handler, Result result, asio::any_completion_executor work,
              const asio::any_io_executor& own) {
    struct parts {
        operation::completion<Result> handler;
        Result result;
        asio::any_completion_executor work; // the handler's context must not end on the way to it
    };
    // Shared: an executor may copy what it is given, and Asio 1.26's handler never comes to the end of being
    // copied.
    const auto all = std::make_shared<parts>(parts{std::move(handler), std::move(result), std::move(work)});
    asio::post(own, [all, own] {
        const auto executor = asio::get_associated_executor(all->handler, asio::any_completion_executor(own));
        executor.execute([all] {
            asio::get_associated_cancellation_slot(all->handler).clear();
            std::move(all->handler)(std::move(all->result));
        });
    });
}

template <class Result>
void answer(std::function<void(Result&&)>& at_once, operation::completion<Result>& handler, Result&& result,
            asio::any_completion_executor& work, const asio::any_io_executor& own) {
    if (at_once) {
        std::exchange(at_once, nullptr)(std::move(result));
    } else {
        complete(std::move(handler), std::move(result), std::move(work), own);
    }
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

void operation::finish(const status& s, const line::mask& mask, const asio::any_io_executor& executor) {
    if (answered) {
        return;
    }
    answered = true;
    if (!mail) {
        answer(at_once, on_status, status(s), work, executor);
        return;
    }
    send_result r = mail->take_results();
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
    answer(sent_at_once, on_sent, std::move(r), work, executor);
}

} // namespace postrider::line
