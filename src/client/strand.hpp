// strand.hpp - where everything of one client happens, one thing after the other, and what waits there.
//
// An executor of our own type: in any_io_executor each step of a strand would take memory, and where one
// thread runs an io_context, no strand is needed at all.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <utility>
#include <variant>

namespace postrider::line {

class strand {
  public:
    /// One after the other in `where`. `implicit`: that is what happens there in any case, if it is an
    /// io_context's.
    strand(const boost::asio::any_io_executor& where, bool implicit) : inner_(choose(where, implicit)) {}
    // Neither of the two throws, though std::variant does not say so.
    strand(const strand& other) noexcept : inner_(other.inner_), later_(other.later_) {}
    strand& operator=(const strand&) noexcept = default;
    ~strand() = default;

    // What Asio wants of an executor.
    boost::asio::execution_context& query(boost::asio::execution::context_t what) const noexcept {
        const auto* const context = std::get_if<of_context>(&inner_);
        return context != nullptr ? boost::asio::query(*context, what)
                                  : boost::asio::query(*std::get_if<of_its_own>(&inner_), what);
    }
    strand require(boost::asio::execution::blocking_t::never_t) const {
        strand later(*this);
        later.later_ = true;
        return later;
    }
    strand require(boost::asio::execution::blocking_t::possibly_t) const {
        strand now(*this);
        now.later_ = false;
        return now;
    }
    template <class Function>
    void execute(Function&& what) const {
        std::visit(
            [this, &what](const auto& in) {
                if (later_) {
                    boost::asio::require(in, boost::asio::execution::blocking.never)
                        .execute(std::forward<Function>(what));
                } else {
                    in.execute(std::forward<Function>(what));
                }
            },
            inner_);
    }
    friend bool operator==(const strand&, const strand&) noexcept = default;

  private:
    using of_context = boost::asio::io_context::executor_type;
    using of_its_own = boost::asio::strand<boost::asio::any_io_executor>;
    using either = std::variant<of_context, of_its_own>;

    static either choose(const boost::asio::any_io_executor& where, bool implicit) {
        const auto* const context = where.target<of_context>();
        return implicit && context != nullptr ? either(*context) : either(of_its_own(where));
    }

    either inner_;
    bool later_ = false; // never within execute()
};

using strand_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, strand>;
using strand_descriptor = boost::asio::posix::basic_stream_descriptor<strand>;
using strand_socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, strand>;

} // namespace postrider::line
