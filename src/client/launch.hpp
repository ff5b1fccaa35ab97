// launch.hpp - how an operation that somebody asked for with a completion token begins.
#pragma once

#include "operation.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>

#include <memory>
#include <utility>

namespace postrider::line {

/// Gives `op` its handler and hands it to `target`, which is told when the handler's slot is used.
/// target->place() is its executor as handlers know executors.
template <class Target, class Operation, class Result>
void launch(const std::shared_ptr<Target>& target, std::shared_ptr<Operation> op,
            operation::completion<Result> done) {
    namespace asio = boost::asio;
    const asio::any_completion_executor where = asio::get_associated_executor(done, target->place());
    if (where == target->place()) { // which costs nothing to hold
        op->place = asio::prefer(target->executor(), asio::execution::outstanding_work.tracked);
    } else {
        op->place = asio::prefer(where, asio::execution::outstanding_work.tracked);
    }
    if (auto cancels = asio::get_associated_cancellation_slot(done); cancels.is_connected()) {
        cancels.assign([weak = std::weak_ptr(target), mine = std::weak_ptr(op)](asio::cancellation_type) {
            if (const auto self = weak.lock()) {
                self->cancel(mine);
            }
        });
    }
    op->template receiver_for<Result>().handler.swap(
        done); // its assignment calls itself without end in Asio 1.26
    target->start(std::move(op));
}

} // namespace postrider::line
