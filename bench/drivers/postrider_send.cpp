// Postrider as a driver (see driver.hpp). Beside the common modes:
//     window     one connection, window=N messages under way (0: automatic)
//     idle       sessions=N connections that have sent one message each and wait: tells the heap they hold
// Keys: window=N, chunking=0|1.
#include "driver.hpp"
#include "postrider/client.hpp"
#include "postrider/pool.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <malloc.h>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace postrider;

client_options options_for(const bench::task& t) {
    client_options o;
    o.server.host = t.host;
    o.server.port = t.port;
    o.server.tls = t.tls() == "implicit"   ? tls_policy::implicit
                   : t.tls() == "starttls" ? tls_policy::required
                                           : tls_policy::none;
    o.tls.ca_file = t.key("ca");
    o.use_chunking = t.number("chunking", 1) != 0;
    o.window = static_cast<std::uint16_t>(t.number("window", 1));
    o.await_quit_reply = false;
    return o;
}

content content_of(const bench::task& t) {
    result<content> c = content::from_file(t.file);
    if (!c) {
        throw std::runtime_error("cannot read " + t.file);
    }
    return *c;
}

void fill_in(outgoing& mail, const content& c) {
    mail.from = bench::from;
    mail.recipients.emplace_back(bench::to);
    mail.content = c;
}

outgoing mail_of(const content& c) {
    outgoing mail;
    fill_in(mail, c);
    return mail;
}

void expect(const send_result& r) {
    if (!r.all_delivered()) {
        throw std::runtime_error("not delivered: " + r.text + r.detail);
    }
}

void one_by_one(const bench::task& t, const content& c, bool reconnect) {
    blocking_client sender(options_for(t));
    bench::stopwatch watch;
    for (std::size_t i = 0; i < t.count; ++i) {
        outgoing mail = mail_of(c);
        mail.last = reconnect;
        expect(sender.send(std::move(mail)));
    }
    watch.stop();
    sender.quit();
    watch.print(t.count);
}

// A pool of so many sessions with one server, given `ahead` messages for each of them until all are sent.
class crowd {
  public:
    crowd(const bench::task& t, const content& c, std::size_t sessions, std::size_t ahead)
        : content_(c), left_(t.count), ahead_(sessions * ahead),
          pool_(context_.get_executor(), for_all(sessions)), to_(pool_.at(options_for(t))) {}

    void run() {
        for (std::size_t i = 0; i < ahead_ && left_ != 0; ++i) {
            send();
        }
        while (open_ != 0) {
            context_.run_one();
        }
    }

  private:
    static pool_options for_all(std::size_t sessions) {
        pool_options o;
        o.connections = o.per_server.connections = static_cast<unsigned>(sessions);
        o.queue = o.per_server.queue = std::size_t{256} * sessions;
        o.per_server.messages_per_connection = 0;
        o.implicit_strand = true; // one thread runs it all
        return o;
    }

    void send() {
        --left_;
        ++open_;
        pool_.async_send(to_, mail_of(content_), [this](const send_result& r) {
            expect(r);
            --open_;
            if (left_ != 0) {
                send();
            }
        });
    }

    boost::asio::io_context context_{1};
    content content_;
    std::size_t left_;
    std::size_t ahead_;
    std::size_t open_ = 0;
    pool pool_;
    destination to_;
};

void in_a_window(const bench::task& t, const content& c) {
    blocking_client sender(options_for(t));
    std::size_t left = t.count;
    const auto next = [&] {
        std::optional<outgoing> mail;
        if (left-- != 0) {
            fill_in(mail.emplace(), c);
        }
        return mail;
    };
    bench::stopwatch watch;
    sender.send_all(next, [](std::size_t, const send_result& r) { expect(r); });
    watch.stop();
    sender.quit();
    watch.print(t.count);
}

void many(const bench::task& t, const content& c) {
    // All sessions get something to do, also where the windows could take everything.
    const std::size_t sessions = t.number("sessions", 1000);
    const std::size_t share = std::max<std::size_t>(t.count / sessions, 1);
    crowd sender(t, c, sessions, std::min(2 * t.number("window", 1), share));
    bench::stopwatch watch;
    sender.run();
    watch.stop();
    watch.print(t.count);
}

void idle(const bench::task& t, const content& c) {
    bench::task each = t;
    const std::size_t sessions = t.number("sessions", 1000);
    each.count = 1;
    crowd first(each, c, 1, 1); // what the process needs once
    first.run();
    each.count = sessions;
    const std::size_t before = mallinfo2().uordblks;
    bench::stopwatch watch;
    crowd waiting(each, c, sessions, 1);
    waiting.run();
    const std::size_t after = mallinfo2().uordblks;
    watch.stop();
    watch.print(sessions, ",\"heap_per_session\":" + std::to_string((after - before) / sessions));
}

void run(const bench::task& t) {
    const content c = t.mode == "file" ? content_of(t) : content(t.text());
    if (t.mode == "keep" || t.mode == "file") {
        one_by_one(t, c, false);
    } else if (t.mode == "reconnect") {
        one_by_one(t, c, true);
    } else if (t.mode == "window") {
        in_a_window(t, c);
    } else if (t.mode == "many") {
        many(t, c);
    } else if (t.mode == "idle") {
        idle(t, c);
    } else {
        bench::cannot("no such mode");
    }
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
