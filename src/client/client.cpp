// The client's public face, asynchronous and blocking, over one messenger.
#include "postrider/client.hpp"

#include "launch.hpp"
#include "messenger.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <atomic>
#include <exception>

namespace postrider {

namespace asio = boost::asio;

using line::launch;
using line::operation;

std::uint16_t default_port(const server& s) noexcept {
    if (s.protocol == protocol::lmtp) {
        return 24;
    }
    return s.tls == tls_policy::implicit ? 465 : s.tls == tls_policy::required ? 587 : 25;
}

bool send_result::all(disposition d) const noexcept {
    const auto is = [d](const recipient_outcome& o) { return o.outcome == d; };
    return !recipients.empty() && std::all_of(recipients.begin(), recipients.end(), is);
}

bool send_result::any(disposition d) const noexcept {
    const auto is = [d](const recipient_outcome& o) { return o.outcome == d; };
    return std::any_of(recipients.begin(), recipients.end(), is);
}

class client::impl : public line::messenger {
  public:
    impl(asio::any_io_executor executor, const std::shared_ptr<const line::settings>& shared)
        : messenger(executor, shared->options.implicit_strand, shared), place_(std::move(executor)) {}

    const asio::any_completion_executor& place() const { return place_; }

  private:
    const asio::any_completion_executor place_;
};

namespace {

// Closing may run out of memory, and a destructor has nobody to tell: the line then goes with what still
// holds it.
template <class Impl>
void let_go(const std::shared_ptr<Impl>& target) noexcept {
    try {
        if (target) {
            target->close();
        }
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): see above
    }
}

} // namespace

client::client(asio::any_io_executor executor, client_options options)
    : impl_(std::make_shared<impl>(std::move(executor),
                                   std::make_shared<const line::settings>(std::move(options)))) {}

client::~client() {
    let_go(impl_);
}

client::client(client&& other) noexcept = default;

client& client::operator=(client&& other) noexcept {
    if (this != &other) {
        let_go(impl_);
        impl_ = std::move(other.impl_);
    }
    return *this;
}

asio::any_io_executor client::executor() const noexcept {
    return impl_->executor();
}

void client::close() {
    impl_->close();
}

void client::start_connect(const shared_impl& target, completion<status> done) {
    launch(target, operation::plain(operation::kind::connect), std::move(done));
}

void client::start_send(const shared_impl& target, completion<send_result> done, outgoing mail) {
    launch(target, operation::message(std::move(mail), false), std::move(done));
}

void client::start_probe(const shared_impl& target, completion<send_result> done, outgoing envelope) {
    launch(target, operation::message(std::move(envelope), true), std::move(done));
}

void client::start_ask(const shared_impl& target, completion<status> done, query what, std::string argument) {
    auto op = operation::plain(operation::kind::ask);
    op->question = what;
    op->argument = std::move(argument);
    launch(target, std::move(op), std::move(done));
}

void client::start_quit(const shared_impl& target, completion<status> done) {
    launch(target, operation::plain(operation::kind::quit), std::move(done));
}

// One thread at a time runs it all; what another one may do is posted, and the breaker reaches a thread that
// is blocked on the socket.
struct blocking_client::impl {
    explicit impl(client_options options)
        : window(options.window),
          inner(std::make_shared<line::messenger>(context.get_executor(), true,
                                                  std::make_shared<const line::settings>(std::move(options)),
                                                  &blocked)) {}
    ~impl() {
        try {
            inner->close();
            context.restart();
            context.run();                // what was cancelled lets go of the socket
        } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the context goes with all it holds
        }
    }

    template <class Result>
    Result run(const std::shared_ptr<operation>& op) {
        Result result;
        struct answer {
            Result& to;
            bool came;
        } awaited{result, false};
        const line::breaker::guard busy(blocked);
        operation::receiver<Result>& to = op->receiver_for<Result>();
        to.at_once = [](void* whom, std::size_t, Result&& r) {
            auto& given = *static_cast<answer*>(whom);
            given.to = std::move(r);
            given.came = true;
        };
        to.whom = &awaited;
        do_what_was_posted();
        inner->add_here(op);
        inner->run_here();
        go_on_while([&awaited] { return !awaited.came; });
        if (!result.ok()) {
            posted = true;
        }
        return result;
    }

    // What another thread has asked for comes first.
    void do_what_was_posted() {
        if (posted) {
            posted = false;
            context.restart();
            context.poll();
        }
    }

    template <class Condition>
    void go_on_while(Condition condition) {
        while (condition()) {
            context.restart();
            context.run_one();
        }
    }

    std::uint16_t window;
    line::breaker blocked;
    asio::io_context context{1};
    std::shared_ptr<line::messenger> inner;
    std::atomic<bool> posted = false; // set by who posts to the context, and where trouble may have done so
};

blocking_client::blocking_client(client_options options)
    : impl_(std::make_unique<impl>(std::move(options))) {}
blocking_client::~blocking_client() = default;

status blocking_client::connect() {
    return impl_->run<status>(operation::plain(operation::kind::connect));
}

send_result blocking_client::send(outgoing mail) {
    return impl_->run<send_result>(operation::message(std::move(mail), false));
}

namespace {

// The messages of one send_all(). Exceptions must not pass through a messenger: they wait here.
class batch {
  public:
    batch(line::messenger& by, std::size_t together, std::function<std::optional<outgoing>()> next,
          std::function<void(std::size_t, send_result)> done)
        : by_(by), together_(together), next_(std::move(next)), done_(std::move(done)) {}

    bool is_open() const { return open_ > 0; }
    void top_up() {
        while (more_ && open_ < together_) {
            guarded([this] {
                std::optional<outgoing> mail = next_();
                more_ = mail.has_value();
                if (more_) {
                    add(std::move(*mail));
                }
            });
        }
    }
    void rethrow() const {
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
    }

  private:
    template <class Call>
    void guarded(Call call) {
        try {
            call();
        } catch (...) {
            more_ = false;
            thrown_ = thrown_ ? thrown_ : std::current_exception();
        }
    }
    void add(outgoing&& mail) {
        auto op = operation::message(std::move(mail), false);
        operation::receiver<send_result>& to = op->receiver_for<send_result>();
        to.at_once = [](void* whom, std::size_t number, send_result&& r) {
            static_cast<batch*>(whom)->on_done(number, std::move(r));
        };
        to.whom = this;
        to.number = count_;
        by_.add_here(std::move(op));
        ++count_;
        ++open_;
    }
    void on_done(std::size_t number, send_result&& r) {
        --open_;
        more_ = more_ && r.error != errc::cancelled;
        guarded([&] { done_(number, std::move(r)); });
        top_up();
    }

    line::messenger& by_;
    std::size_t together_;
    std::function<std::optional<outgoing>()> next_;
    std::function<void(std::size_t, send_result)> done_;
    std::size_t count_ = 0;
    std::size_t open_ = 0;
    bool more_ = true;
    std::exception_ptr thrown_;
};

} // namespace

void blocking_client::send_all(std::function<std::optional<outgoing>()> next,
                               std::function<void(std::size_t, send_result)> done) {
    const std::size_t window = impl_->window == automatic_window ? widest_automatic_window : impl_->window;
    batch all(*impl_->inner, window, std::move(next), std::move(done));
    const line::breaker::guard busy(impl_->blocked);
    impl_->do_what_was_posted();
    all.top_up();
    impl_->inner->run_here();
    impl_->go_on_while([&all] { return all.is_open(); });
    impl_->posted = true;
    all.rethrow();
}

send_result blocking_client::probe(outgoing envelope) {
    return impl_->run<send_result>(operation::message(std::move(envelope), true));
}

status blocking_client::ask(query q, std::string argument) {
    auto op = operation::plain(operation::kind::ask);
    op->question = q;
    op->argument = std::move(argument);
    return impl_->run<status>(op);
}

status blocking_client::quit() {
    return impl_->run<status>(operation::plain(operation::kind::quit));
}

void blocking_client::cancel() {
    impl_->inner->close();
    impl_->posted = true;
    impl_->blocked.strike();
}

} // namespace postrider
