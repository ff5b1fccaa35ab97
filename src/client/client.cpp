// The client: a queue of operations, one session, and the blocking use of the same code.
//
// Everything happens on one strand. A failed session is dropped and made anew by the next operation that
// needs one; each operation gets its answer exactly once, whatever happens to the line.
#include "postrider/client.hpp"

#include "connection.hpp"
#include "connector.hpp"
#include "delivery.hpp"
#include "login.hpp"
#include "postrider/path.hpp"
#include "tls.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <deque>

namespace postrider {

namespace asio = boost::asio;

namespace {

enum class kind { connect, send, probe, ask, quit };

template <class Result>
using completion = asio::any_completion_handler<void(Result)>;

// Calls the handler where it wants to be called, and never within the client's strand: it may wait there for
// something else of this client. Its slot is let go of in the same place, for that is where it may be used.
template <class Result>
void complete(completion<Result> handler, Result result, const asio::any_io_executor& own) {
    struct parts {
        completion<Result> handler;
        Result result;
    };
    // Shared: an executor may copy what it is given, and Asio 1.26's handler never comes to the end of being
    // copied.
    const auto all = std::make_shared<parts>(parts{std::move(handler), std::move(result)});
    asio::post(own, [all, own] {
        const auto executor = asio::get_associated_executor(all->handler, asio::any_completion_executor(own));
        executor.execute([all] {
            asio::get_associated_cancellation_slot(all->handler).clear();
            std::move(all->handler)(std::move(all->result));
        });
    });
}

struct operation {
    kind what = kind::connect;
    std::optional<line::delivery> mail;
    query question = query::noop;
    std::string argument;
    completion<status> on_status;
    completion<send_result> on_sent;
    asio::any_completion_executor work; // keeps the handler's context running

    bool reused = false;  // it found a kept session
    bool retried = false; // which was dead

    void finish(status s, const line::mask& mask, const asio::any_io_executor& executor) {
        if (mail) {
            send_result r = mail->results();
            r.text = mask.over(std::move(r.text));
            for (recipient_outcome& o : r.recipients) {
                o.text = mask.over(std::move(o.text));
            }
            r.detail = r.detail.empty() && !r.ok() ? s.detail : r.detail;
            r.connection = std::move(s.connection);
            complete(std::move(on_sent), std::move(r), executor);
        } else {
            complete(std::move(on_status), std::move(s), executor);
        }
    }
};

// The line broke in a way that tells of its age, not of what we did.
bool is_stale(errc e) noexcept {
    return e == errc::connection_lost || e == errc::tls_truncated || e == errc::service_closing;
}

} // namespace

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

class client::impl : public std::enable_shared_from_this<client::impl> {
  public:
    impl(asio::any_io_executor executor, client_options options)
        : executor_(std::move(executor)), strand_(asio::make_strand(executor_)),
          options_(std::move(options)) {
        configure();
    }

    const asio::any_io_executor& executor() const { return executor_; }

    template <class Result>
    void enqueue(const std::shared_ptr<operation>& op, const completion<Result>& handler) {
        op->work =
            asio::prefer(asio::get_associated_executor(handler, asio::any_completion_executor(executor_)),
                         asio::execution::outstanding_work.tracked);
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
            slot.assign([weak = weak_from_this(), mine = std::weak_ptr(op)](asio::cancellation_type) {
                if (const auto self = weak.lock()) {
                    asio::post(self->strand_, [self, mine] { self->cancel(mine.lock()); });
                }
            });
        }
    }

    void start(std::shared_ptr<operation> op) {
        asio::post(strand_, [self = shared_from_this(), op = std::move(op)] {
            self->queue_.push_back(op);
            self->begin();
        });
    }

    void close() {
        asio::post(strand_, [self = shared_from_this()] {
            // From the back, so that none of them begins only to be cancelled.
            while (!self->queue_.empty()) {
                self->cancel(self->queue_.back());
            }
            self->drop();
        });
    }

  private:
    void configure();
    void configure_host();
    void configure_authentication();
    void misconfigured(std::string why);

    void begin();
    void need_session();
    void connect();
    void on_socket(line::connector::failure why, line::stream_socket socket,
                   std::chrono::steady_clock::time_point since);
    void run(std::function<bool(want)> enough, void (impl::*done)());
    void on_session();
    void note_session();
    void send();
    void on_sent();
    void ask();
    void on_answer();
    void quit();
    void on_quit();
    bool try_again();
    void fail(status why);
    void finish(status s);
    void cancel(std::shared_ptr<operation> op);
    void drop();

    operation& current() { return *queue_.front(); }

    asio::any_io_executor executor_;
    asio::any_io_executor strand_;
    const client_options options_;
    const line::mask mask_{options_.credentials};

    std::string client_name_;
    line::host_name host_;
    std::unique_ptr<line::tls_context> tls_;
    line::login login_;
    session_config config_;
    std::string misconfiguration_;

    std::deque<std::shared_ptr<operation>> queue_;
    bool busy_ = false; // the first one is under way
    std::shared_ptr<line::connector> connector_;
    std::shared_ptr<line::connection> connection_;
    std::shared_ptr<connection_info> info_ = std::make_shared<connection_info>();
};

// --- what was asked for ---

void client::impl::configure() {
    client_name_ = options_.client_name;
    if (!is_domain_or_literal(client_name_)) {
        const result<line::host_name> name = line::parse_host(client_name_);
        if (!name || name->is_address) {
            misconfigured("not a domain or an address literal to say in EHLO: " + client_name_);
        } else {
            client_name_ = name->text;
        }
    }
    configure_host();
    configure_authentication();
    config_.client_name = client_name_;
    config_.mechanisms = login_.mechanisms();
    config_.timeouts = options_.timeouts;
    config_.protocol = options_.server.protocol;
    config_.tls = options_.server.tls;
    config_.allow_auth_in_clear = options_.allow_auth_in_clear;
    config_.try_unlisted_mechanism = options_.try_unlisted_mechanism;
    config_.initial_response = options_.initial_response;
    config_.use_pipelining = options_.use_pipelining;
    config_.use_chunking = options_.use_chunking;
}

void client::impl::misconfigured(std::string why) {
    misconfiguration_ = misconfiguration_.empty() ? std::move(why) : misconfiguration_;
}

void client::impl::configure_host() {
    const server& s = options_.server;
    if (!s.host.empty() || s.unix_path.empty()) {
        const result<line::host_name> host = line::parse_host(s.host);
        if (!host) {
            misconfigured(s.host.empty() ? "no server was named"
                                         : "not a host name or an IP address: " + s.host);
            return;
        }
        host_ = *host;
    }
    if (s.tls == tls_policy::none) {
        return;
    }
    line::host_name name = host_;
    if (!options_.tls.name.empty()) {
        const result<line::host_name> wanted = line::parse_host(options_.tls.name);
        if (!wanted) {
            misconfigured("not a host name or an IP address to look for in the certificate: " +
                          options_.tls.name);
            return;
        }
        name = *wanted;
    }
    std::string why;
    tls_ = line::tls_context::create(options_.tls, name, s.tls != tls_policy::opportunistic, why);
    if (!tls_) {
        misconfigured(std::move(why));
    }
}

void client::impl::configure_authentication() {
    if (!options_.credentials) {
        return;
    }
    if (std::string wrong = login_.set_up(options_); !wrong.empty()) {
        misconfigured(std::move(wrong));
    }
}

// --- the operations ---

void client::impl::begin() {
    if (busy_ || queue_.empty()) {
        return;
    }
    busy_ = true;
    operation& op = current();
    if (!misconfiguration_.empty()) {
        status s;
        s.error = errc::bad_configuration;
        s.detail = misconfiguration_;
        fail(std::move(s));
    } else if (op.what == kind::quit) {
        quit();
    } else if (op.mail && !op.mail->parse()) {
        finish({});
    } else {
        need_session();
    }
}

void client::impl::need_session() {
    if (connection_ && connection_->is_closed()) {
        drop();
    }
    if (!connection_) {
        connect();
        return;
    }
    current().reused = true;
    run([](want w) { return w == want::ready; }, &impl::on_session);
}

void client::impl::connect() {
    current().reused = false;
    info_ = std::make_shared<connection_info>();
    if (current().mail) {
        current().mail->report(stage::connect, 0);
    }
    connector_ = std::make_shared<line::connector>(strand_, options_, host_, *info_);
    connector_->start([self = shared_from_this(), since = std::chrono::steady_clock::now()](
                          line::connector::failure why, line::stream_socket socket) {
        self->connector_.reset();
        self->on_socket(std::move(why), std::move(socket), since);
    });
}

void client::impl::on_socket(line::connector::failure why, line::stream_socket socket,
                             std::chrono::steady_clock::time_point since) {
    if (why.error != errc::ok) {
        status s;
        s.error = why.error;
        s.detail = std::move(why.detail);
        fail(std::move(s));
        return;
    }
    boost::system::error_code ignored;
    info_->peer = line::text_of(socket.remote_endpoint(ignored));
    info_->local = line::text_of(socket.local_endpoint(ignored));
    connection_ = std::make_shared<line::connection>(strand_, std::move(socket), options_, config_, mask_,
                                                     tls_.get(), info_);
    if (config_.tls == tls_policy::implicit) {
        const auto used =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since);
        connection_->begin_with_tls(options_.connect_timeout - used);
    }
    run([](want w) { return w == want::ready; }, &impl::on_session);
}

void client::impl::run(std::function<bool(want)> enough, void (impl::*done)()) {
    line::connection::task t;
    t.enough = std::move(enough);
    if (operation& op = current(); op.mail) {
        t.lend = [&op](session& s) { op.mail->lend_to(s); };
        t.progress = [&op](stage at, std::uint64_t handed) { op.mail->report(at, handed); };
    }
    t.done = [self = shared_from_this(), done] { ((*self).*done)(); };
    const auto keep = connection_; // the operation may end, and drop it, before run() returns
    keep->run(std::move(t));
}

// The session is ready, or has come to its end.
void client::impl::on_session() {
    if (connection_->is_closed()) {
        if (!try_again()) {
            fail(connection_->failure());
        }
        return;
    }
    note_session();
    switch (current().what) {
    case kind::send:
    case kind::probe:
        send();
        break;
    case kind::ask:
        ask();
        break;
    default:
        finish({});
        break;
    }
}

void client::impl::note_session() {
    if (current().reused) {
        return;
    }
    connection_->set_up();
    const session& s = connection_->engine();
    info_->capabilities = s.server();
    info_->extended = s.extended();
    info_->authenticated = s.authenticated();
    if (s.used_mechanism() != nullptr) {
        info_->mechanism = s.used_mechanism()->name();
    }
}

void client::impl::send() {
    line::delivery& mail = *current().mail;
    if (!mail.prepare(connection_->engine().server())) {
        finish({});
        return;
    }
    connection_->engine().submit(mail.transaction());
    run([&mail](want) { return mail.transaction().completed(); }, &impl::on_sent);
}

void client::impl::on_sent() {
    if (connection_->is_closed() && try_again()) {
        return;
    }
    finish(connection_->failure());
}

void client::impl::ask() {
    operation& op = current();
    if (const errc e = connection_->engine().ask(op.question, op.argument); e != errc::ok) {
        status s;
        s.error = e;
        s.at = stage::command;
        s.detail = e == errc::bad_argument ? "the argument holds control characters" : "";
        finish(std::move(s));
        return;
    }
    run([](want w) { return w == want::ready; }, &impl::on_answer);
}

void client::impl::on_answer() {
    if (connection_->is_closed()) {
        if (!try_again()) {
            fail(connection_->failure());
        }
        return;
    }
    const reply& answer = connection_->engine().last_reply();
    status s;
    s.at = stage::command;
    s.code = answer.code;
    s.enhanced = answer.enhanced;
    s.text = mask_.over(std::string(answer.text));
    finish(std::move(s));
}

void client::impl::quit() {
    if (!connection_ || connection_->is_closed()) {
        drop();
        finish({});
        return;
    }
    connection_->engine().quit();
    run([](want) { return false; }, &impl::on_quit);
}

void client::impl::on_quit() {
    finish(connection_->failure()); // whatever became of QUIT itself is no error
}

// A kept session that turned out dead before the system was given anything of this operation: once more, on a
// new one.
bool client::impl::try_again() {
    operation& op = current();
    const bool stale =
        op.reused && !op.retried && connection_->handed() == 0 && is_stale(connection_->failure().error);
    if (stale) {
        op.retried = true;
        if (op.mail) {
            op.mail->restart();
        }
        drop();
        connect();
    }
    return stale;
}

// There is no session: nobody gets the message.
void client::impl::fail(status why) {
    if (operation& op = current(); op.mail) {
        op.mail->fail(why.error, why.at, why);
    }
    finish(std::move(why));
}

void client::impl::finish(status s) {
    const std::shared_ptr<operation> op = queue_.front();
    queue_.pop_front();
    busy_ = false;
    s.connection = info_;
    if (connection_ && connection_->is_closed()) {
        drop();
    }
    if (!queue_.empty()) {
        asio::post(strand_, [self = shared_from_this()] { self->begin(); });
    }
    op->finish(std::move(s), mask_, executor_);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): by value, for it leaves the queue
void client::impl::cancel(std::shared_ptr<operation> op) {
    const auto at = op ? std::find(queue_.begin(), queue_.end(), op) : queue_.end();
    if (at == queue_.end()) {
        return; // it is done
    }
    status s;
    s.error = errc::cancelled;
    if (at != queue_.begin() || !busy_) {
        queue_.erase(at);
        if (op->mail) {
            op->mail->fail(s.error, s.at);
        }
        s.connection = info_;
        op->finish(std::move(s), mask_, executor_);
    } else if (connector_) {
        connector_->cancel();
        connector_.reset();
        fail(std::move(s));
    } else {
        const auto keep = connection_;
        keep->abort(errc::cancelled);
    }
}

void client::impl::drop() {
    if (connection_) {
        connection_->close();
        connection_.reset();
    }
}

// --- the public face ---

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
    : impl_(std::make_shared<impl>(std::move(executor), std::move(options))) {}

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

namespace {

template <class Impl, class Result>
void launch(const std::shared_ptr<Impl>& target, std::shared_ptr<operation> op,
            completion<Result> operation::*slot, completion<Result> done) {
    target->enqueue(op, done);
    ((*op).*slot).swap(done); // its assignment calls itself without end in Asio 1.26
    target->start(std::move(op));
}

} // namespace

void client::start_connect(const shared_impl& target, completion<status> done) {
    launch(target, std::make_shared<operation>(), &operation::on_status, std::move(done));
}

void client::start_send(const shared_impl& target, completion<send_result> done, outgoing mail) {
    auto op = std::make_shared<operation>();
    op->what = kind::send;
    op->mail.emplace(std::move(mail), false);
    launch(target, std::move(op), &operation::on_sent, std::move(done));
}

void client::start_probe(const shared_impl& target, completion<send_result> done, outgoing envelope) {
    auto op = std::make_shared<operation>();
    op->what = kind::probe;
    op->mail.emplace(std::move(envelope), true);
    launch(target, std::move(op), &operation::on_sent, std::move(done));
}

void client::start_ask(const shared_impl& target, completion<status> done, query what, std::string argument) {
    auto op = std::make_shared<operation>();
    op->what = kind::ask;
    op->question = what;
    op->argument = std::move(argument);
    launch(target, std::move(op), &operation::on_status, std::move(done));
}

void client::start_quit(const shared_impl& target, completion<status> done) {
    auto op = std::make_shared<operation>();
    op->what = kind::quit;
    launch(target, std::move(op), &operation::on_status, std::move(done));
}

struct blocking_client::impl {
    explicit impl(client_options options) : inner(context.get_executor(), std::move(options)) {}
    ~impl() {
        try {
            inner.close();
            context.restart();
            context.run();                // what was cancelled lets go of the socket
        } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the context goes with all it holds
        }
    }

    // Runs the context until the operation that `start` begins is through.
    template <class Result, class Start>
    Result wait(Start start) {
        std::optional<Result> result;
        start([&result](Result r) { result.emplace(std::move(r)); });
        context.restart();
        while (!result) {
            context.run_one();
        }
        return std::move(*result);
    }

    asio::io_context context{1};
    client inner;
};

blocking_client::blocking_client(client_options options)
    : impl_(std::make_unique<impl>(std::move(options))) {}
blocking_client::~blocking_client() = default;

status blocking_client::connect() {
    return impl_->wait<status>([this](auto done) { impl_->inner.async_connect(std::move(done)); });
}

send_result blocking_client::send(outgoing mail) {
    return impl_->wait<send_result>(
        [this, &mail](auto done) { impl_->inner.async_send(std::move(mail), std::move(done)); });
}

send_result blocking_client::probe(outgoing envelope) {
    return impl_->wait<send_result>(
        [this, &envelope](auto done) { impl_->inner.async_probe(std::move(envelope), std::move(done)); });
}

status blocking_client::ask(query q, std::string argument) {
    return impl_->wait<status>(
        [this, q, &argument](auto done) { impl_->inner.async_ask(q, std::move(argument), std::move(done)); });
}

status blocking_client::quit() {
    return impl_->wait<status>([this](auto done) { impl_->inner.async_quit(std::move(done)); });
}

void blocking_client::cancel() {
    impl_->inner.close();
}

} // namespace postrider
