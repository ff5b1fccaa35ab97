// Several messages under way in one session: each gets its own outcome, whatever becomes of the others.
#include "client/known_windows.hpp"
#include "postrider/client.hpp"
#include "scripted_server.hpp"
#include "sink/sink.hpp"
#include "support.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

using namespace postrider;
using namespace postrider::test;
namespace asio = boost::asio;

namespace {

const std::vector<std::string> modern{"PIPELINING", "8BITMIME", "SIZE 1000000000", "CHUNKING"};
const std::vector<std::string> without_chunks{"PIPELINING", "8BITMIME", "SIZE 1000000000"};

client_options windowed(std::uint16_t port, std::uint16_t window, bool chunks = true) {
    client_options o = options_for(port);
    o.window = window;
    o.use_chunking = chunks;
    return o;
}

// Sends them all at once through one client, and waits.
std::vector<send_result> send_all(const client_options& o, const std::vector<outgoing>& mails) {
    asio::io_context context;
    client c(context.get_executor(), o);
    std::vector<send_result> results(mails.size());
    std::vector<int> answers(mails.size());
    for (std::size_t i = 0; i < mails.size(); ++i) {
        c.async_send(mails[i], [&results, &answers, i](send_result r) {
            results[i] = std::move(r);
            ++answers[i];
        });
    }
    context.run();
    EXPECT_EQ(answers, std::vector<int>(mails.size(), 1));
    return results;
}

std::vector<outgoing> mails(std::size_t count) {
    std::vector<outgoing> all;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        all.push_back(mail_to({number + "@example.org"}, "Subject: " + number + "\r\n\r\nText\r\n"));
    }
    return all;
}

// What a scripted server says to each command, as it comes; "" for nothing, and it hangs up at "cut".
class dialogue {
  public:
    using answers = std::function<std::string(const std::string& command)>;

    dialogue(peer& p, answers a) : peer_(p), answers_(std::move(a)) {}

    // Until the client leaves. The number of messages taken.
    unsigned serve() {
        for (std::string command = peer_.line(); !command.empty(); command = peer_.line()) {
            if (command.starts_with("BDAT ")) {
                peer_.read(std::stoul(command.substr(5)));
            }
            std::string reply = answers_(command);
            if (reply == "cut") {
                peer_.cut();
                return taken_;
            }
            if (reply == "ok") {
                reply = ok(command);
            }
            peer_.send(reply);
            if (reply.starts_with("354")) {
                while (peer_.until(".") != ".") {
                }
                reply = answers_(".");
                reply = reply == "ok" ? "250 2.0.0 taken\r\n" : reply;
                taken_ += reply.starts_with("250") ? 1 : 0;
                peer_.send(reply);
            }
        }
        return taken_;
    }

  private:
    std::string ok(const std::string& command) {
        taken_ += command.starts_with("BDAT ") ? 1 : 0;
        return command == "DATA"   ? "354 go on\r\n"
               : command == "QUIT" ? "221 2.0.0 bye\r\n"
                                   : "250 2.0.0 " + command.substr(0, 4) + "\r\n";
    }

    peer& peer_;
    answers answers_;
    unsigned taken_ = 0;
};

// --- what works ---

TEST(Window, EveryMessageArrivesOnceInOrder) {
    for (const std::uint16_t window :
         {std::uint16_t{1}, std::uint16_t{7}, std::uint16_t{64}, automatic_window}) {
        for (const bool chunks : {true, false}) {
            std::mutex mutex;
            std::vector<std::string> seen;
            sink::config c;
            c.listen = {"127.0.0.1:0"};
            c.on_message = [&](const sink::received& r) {
                const std::lock_guard lock(mutex);
                seen.push_back(r.envelope.recipients.at(0).address);
            };
            sink::server s(std::move(c));
            s.run_in_thread();
            const auto sent = mails(300);
            const auto results = send_all(windowed(s.port(), window, chunks), sent);
            s.stop();
            ASSERT_EQ(seen.size(), sent.size());
            for (std::size_t i = 0; i < sent.size(); ++i) {
                EXPECT_TRUE(results[i].ok()) << explain(results[i]);
                EXPECT_EQ(seen[i], sent[i].recipients[0].address);
            }
            EXPECT_EQ(s.counted().connections, 1U);
        }
    }
}

// --- many from one thread ---

// Hands out `mails` and keeps the results.
struct list {
    explicit list(std::vector<outgoing> all) : mails(std::move(all)) {}

    std::vector<outgoing> mails;
    std::size_t next = 0;
    std::size_t most_ahead = 0;
    std::map<std::size_t, send_result> results;

    std::function<std::optional<outgoing>()> source() {
        return [this]() -> std::optional<outgoing> {
            most_ahead = std::max(most_ahead, next + 1 - results.size());
            return next < mails.size() ? std::optional(mails[next++]) : std::nullopt;
        };
    }
    std::function<void(std::size_t, send_result)> target() {
        return [this](std::size_t number, send_result r) {
            EXPECT_TRUE(results.emplace(number, std::move(r)).second) << number << " twice";
        };
    }
};

TEST(SendAll, EachGetsItsResultAndNoMoreAreTakenThanTheWindowIsWide) {
    for (const std::uint16_t window : {std::uint16_t{1}, std::uint16_t{7}, automatic_window}) {
        sink::config c;
        c.listen = {"127.0.0.1:0"};
        sink::server s(std::move(c));
        s.run_in_thread();
        list all{mails(200)};
        all.mails[3].recipients = {"no address"};
        all.mails[70].from = "no@address@";
        blocking_client client(windowed(s.port(), window));
        client.send_all(all.source(), all.target());
        EXPECT_TRUE(client.quit().ok());
        s.stop();
        ASSERT_EQ(all.results.size(), 200U);
        for (const auto& [number, r] : all.results) {
            EXPECT_EQ(r.ok(), number != 3 && number != 70) << number << explain(r);
            EXPECT_EQ(r.recipients.at(0).address, all.mails[number].recipients[0].address);
        }
        EXPECT_LE(all.most_ahead, window == automatic_window ? widest_automatic_window : window);
        EXPECT_EQ(s.counted().connections, 1U);
    }
}

TEST(SendAll, WithoutAServerEachFailsAndTheCallReturns) {
    std::uint16_t port = 0;
    {
        sink::config c;
        c.listen = {"127.0.0.1:0"};
        const sink::server gone(std::move(c));
        port = gone.port();
    }
    list all{mails(5)};
    blocking_client client(windowed(port, 3));
    client.send_all(all.source(), all.target());
    ASSERT_EQ(all.results.size(), 5U);
    for (const auto& [number, r] : all.results) {
        EXPECT_EQ(r.error, errc::connection_refused) << number;
    }
}

TEST(SendAll, WhatIsThrownComesOutOnceTheOthersAreDone) {
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    sink::server s(std::move(c));
    s.run_in_thread();
    list all{mails(50)};
    blocking_client client(windowed(s.port(), 8));
    const auto failing_source = [&all, take = all.source()]() mutable {
        return all.next == 20 ? throw std::runtime_error("disk") : take();
    };
    EXPECT_THROW(client.send_all(failing_source, all.target()), std::runtime_error);
    EXPECT_EQ(all.results.size(), 20U);
    const auto failing_target = [](std::size_t, const send_result&) { throw std::logic_error("no"); };
    all = list{mails(50)};
    EXPECT_THROW(client.send_all(all.source(), failing_target), std::logic_error);
    EXPECT_TRUE(client.send(mails(1)[0]).ok()); // and the client is as good as before
    s.stop();
}

TEST(SendAll, AfterCancellingNothingMoreIsAskedFor) {
    std::promise<void> end;
    scripted_server s({[&end](peer& p) {
        p.send("220 server.test ready\r\n");
        p.line();
        p.send("250-server.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
        end.get_future().wait(); // and never answers
    }});
    list all{mails(50)};
    blocking_client client(windowed(s.port(), 4));
    std::thread other([&client] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        client.cancel();
    });
    client.send_all(all.source(), all.target());
    other.join();
    end.set_value();
    EXPECT_EQ(all.next, all.results.size());
    EXPECT_LE(all.results.size(), 8U);
    for (const auto& [number, r] : all.results) {
        EXPECT_EQ(r.error, errc::cancelled) << number;
    }
}

TEST(Window, RefusalsInTheMiddleStayWhereTheyBelong) {
    for (const bool chunks : {true, false}) {
        sink::config c;
        c.listen = {"127.0.0.1:0"};
        c.reject_recipient = {{"*3@example.org", 550, "5.1.1 nobody"}, {"*7@example.org", 452, "4.2.2 full"}};
        c.reject_sender = {{"bad@*", 550, "5.7.1 not you"}};
        sink::server s(std::move(c));
        s.run_in_thread();
        auto sent = mails(100);
        for (std::size_t i = 5; i < sent.size(); i += 10) {
            sent[i].from = "bad@example.org";
        }
        for (std::size_t i = 1; i < sent.size(); i += 10) {
            sent[i].recipients.emplace_back("x3@example.org");
        }
        const auto results = send_all(windowed(s.port(), 16, chunks), sent);
        s.stop();
        for (std::size_t i = 0; i < sent.size(); ++i) {
            const auto& first = results[i].recipients.at(0);
            const std::size_t digit = i % 10;
            EXPECT_EQ(first.outcome, digit == 3 || digit == 5 ? disposition::permanent
                                     : digit == 7             ? disposition::transient
                                                              : disposition::delivered)
                << i << " " << explain(results[i]);
            EXPECT_EQ(first.error, digit == 5                 ? errc::sender_refused
                                   : digit == 3 || digit == 7 ? errc::recipient_refused
                                                              : errc::ok);
            if (digit == 1) {
                EXPECT_EQ(results[i].recipients.at(1).code, 550);
            }
        }
        EXPECT_EQ(s.counted().messages, 70U);
    }
}

TEST(Window, IsAsWideAsWasSaid) {
    std::atomic<int> most{0};
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        for (int group = 0; group < 4; ++group) {
            // Nothing is answered until the window is full: four messages, and not a fifth.
            std::string replies;
            for (int message = 0; message < 4; ++message) {
                replies += message > 0 ? p.line() == "RSET" ? "250 ok\r\n" : "500 no RSET\r\n" : "";
                for (int command = 0; command < 3; ++command) {
                    const std::string text = p.line();
                    if (text.starts_with("BDAT ")) {
                        p.read(std::stoul(text.substr(5)));
                    }
                    replies += "250 ok\r\n";
                }
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            EXPECT_FALSE(p.has_more());
            ++most; // first: who hears the last replies may look at it
            p.send(replies);
        }
        p.drain();
    }});
    const auto results = send_all(windowed(s.port(), 4), mails(16));
    for (const send_result& r : results) {
        EXPECT_TRUE(r.ok()) << explain(r);
    }
    EXPECT_EQ(most, 4);
    EXPECT_EQ(s.trouble(), "");
}

TEST(Window, IsBoundedInOctetsToo) {
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        for (int message = 0; message < 3; ++message) {
            std::string command;
            do {
                command = p.line();
            } while (!command.starts_with("BDAT "));
            p.read(std::stoul(command.substr(5)));
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            EXPECT_FALSE(p.has_more()) << "two of them are more than the bound";
            p.send(message == 0 ? "250 ok\r\n250 ok\r\n250 ok\r\n" : "250 ok\r\n250 ok\r\n250 ok\r\n");
        }
        p.drain();
    }});
    client_options o = windowed(s.port(), 16);
    o.window_octets = 1000;
    std::vector<outgoing> three = mails(3);
    for (outgoing& m : three) {
        m.content = content(std::string(1000, 'x'));
    }
    for (const send_result& r : send_all(o, three)) {
        EXPECT_TRUE(r.ok()) << explain(r);
    }
    EXPECT_EQ(s.trouble(), "");
}

TEST(Window, AskingWaitsForTheMessagesBeforeIt) {
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    sink::server s(std::move(c));
    s.run_in_thread();
    asio::io_context context;
    client one(context.get_executor(), windowed(s.port(), 8));
    std::string order;
    for (int i = 0; i < 5; ++i) {
        one.async_send(mails(1)[0], [&](const send_result& r) { order += r.ok() ? 'm' : 'x'; });
    }
    one.async_ask(query::noop, "", [&](const status& r) { order += r.code == 250 ? 'a' : 'x'; });
    one.async_probe(mails(1)[0], [&](const send_result& r) { order += r.ok() ? 'p' : 'x'; });
    one.async_send(mails(1)[0], [&](const send_result& r) { order += r.ok() ? 'm' : 'x'; });
    one.async_quit([&](const status& r) { order += r.ok() ? 'q' : 'x'; });
    context.run();
    EXPECT_EQ(order, "mmmmmapmq");
    EXPECT_EQ(s.counted().connections, 1U);
    s.stop();
}

TEST(Window, WhatCannotBeSentDoesNotHoldUpTheOthers) {
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    c.size_limit = 100'000;
    sink::server s(std::move(c));
    s.run_in_thread();
    auto sent = mails(12);
    sent[0].recipients = {"nobody"};
    sent[3].from = "no mailbox";
    sent[5].content = content(std::string("a\0b", 3));
    sent[7].content = content(std::string(200'000, 'x'));
    sent[8].recipients.clear();
    const auto results = send_all(windowed(s.port(), 4), sent);
    const std::map<std::size_t, errc> wrong{{0, errc::bad_address},
                                            {3, errc::bad_address},
                                            {5, errc::content_has_nul},
                                            {7, errc::message_too_large},
                                            {8, errc::no_recipients}};
    for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(results[i].error, wrong.contains(i) ? wrong.at(i) : errc::ok) << i << explain(results[i]);
    }
    s.stop();
}

// --- turns ---

// Nothing is waited for that the protocol does not force: connection and greeting, EHLO, and all of the
// message.
TEST(Turns, AMessageIsAcceptedInTheThirdReply) {
    for (const bool chunks : {true, false}) {
        std::promise<void> end;
        scripted_server s({[&](peer& p) {
            p.send("220 server.test ready\r\n");
            EXPECT_EQ(p.line(), "EHLO localhost");
            p.send("250-server.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
            EXPECT_TRUE(p.line().starts_with("MAIL FROM:"));
            EXPECT_TRUE(p.line().starts_with("RCPT TO:"));
            const std::string command = p.line();
            if (chunks) {
                ASSERT_TRUE(command.starts_with("BDAT "));
                p.read(std::stoul(command.substr(5)));
                p.send("250 ok\r\n250 ok\r\n250 2.0.0 taken\r\n");
            } else {
                EXPECT_EQ(command, "DATA");
                p.send("250 ok\r\n250 ok\r\n354 go on\r\n");
                p.until(".");
                p.send("250 2.0.0 taken\r\n");
            }
            EXPECT_EQ(p.line(), "QUIT");
            end.get_future().wait(); // and says nothing
        }});
        client_options o = windowed(s.port(), 1, chunks);
        o.await_quit_reply = false;
        blocking_client c(o);
        const send_result r = c.send(mails(1)[0]);
        EXPECT_TRUE(r.ok()) << explain(r);
        EXPECT_TRUE(c.quit().ok());
        end.set_value();
        EXPECT_EQ(s.trouble(), "");
    }
}

// --- large contents ---

// More than a client reads twice: its size is an estimate, and what is wrong with it shows on the way.
TEST(Large, IsReadOnceAndArrivesWhole) {
    std::string octets = "Subject: large\r\n\r\n";
    while (octets.size() < std::size_t{5} * 1024 * 1024) {
        octets += "." + std::string(60, 'x') + "\n";
    }
    octets += "\xC3\xA4\n";
    std::string canonical;
    for (const char c : octets) {
        canonical += c == '\n' && canonical.back() != '\r' ? "\r\n" : std::string(1, c);
    }
    for (const bool chunks : {true, false}) {
        std::string got;
        sink::config c;
        c.listen = {"127.0.0.1:0"};
        c.keep_content = true;
        c.on_message = [&got](const sink::received& r) { got = got.empty() ? r.content : got; };
        sink::server s(std::move(c));
        s.run_in_thread();
        blocking_client client(windowed(s.port(), 1, chunks));
        EXPECT_TRUE(client.send(mail_to({"a@example.org"}, octets)).ok());
        const send_result broken =
            client.send(mail_to({"a@example.org"}, octets + std::string(1, '\0') + octets));
        EXPECT_EQ(broken.error, errc::content_has_nul) << explain(broken);
        EXPECT_TRUE(broken.all(disposition::permanent));
        EXPECT_TRUE(client.send(mails(1)[0]).ok());
        s.stop();
        EXPECT_EQ(s.counted().messages, 2U);
        EXPECT_TRUE(got == canonical);
    }
}

// --- servers that do not bear it ---

// Haraka 3: whatever stands behind the end of a message gets a 503 at once.
TEST(Window, WhatWasAnsweredOutOfTurnIsRepeatedInTurn) {
    std::mutex mutex;
    std::map<std::string, int> taken;
    std::atomic<int> ahead{0};
    const auto script = [&](peer& p) {
        p.greet(without_chunks);
        std::string recipient;
        dialogue d(p, [&](const std::string& command) -> std::string {
            if (command == ".") {
                if (p.has_more()) {
                    ++ahead;
                    std::string refused = "250 2.0.0 queued\r\n";
                    for (int i = 0; i < 4; ++i) {
                        p.line();
                        refused += "503 5.5.1 not now\r\n";
                    }
                    const std::lock_guard lock(mutex);
                    ++taken[recipient];
                    return refused;
                }
                const std::lock_guard lock(mutex);
                ++taken[recipient];
            }
            recipient = command.starts_with("RCPT") ? command : recipient;
            return "ok";
        });
        d.serve();
    };
    scripted_server s({script});
    for (const std::uint16_t window : {std::uint16_t{8}, std::uint16_t{8}}) {
        taken.clear();
        for (const send_result& r : send_all(windowed(s.port(), window), mails(20))) {
            EXPECT_TRUE(r.ok()) << explain(r);
        }
        EXPECT_EQ(taken.size(), 20U);
        for (const auto& [who, times] : taken) {
            EXPECT_EQ(times, 1) << who;
        }
    }
    EXPECT_EQ(ahead, 1) << "once it is known, for good";
    EXPECT_EQ(s.trouble(), "");
}

// The same without RSET being refused: MAIL is.
TEST(Window, A503ToMailAloneIsOutOfTurnAsWell) {
    std::atomic<int> refused{0};
    std::atomic<unsigned> taken{0};
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        int mails_seen = 0;
        bool open = false;
        dialogue d(p, [&](const std::string& command) -> std::string {
            if (command.starts_with("MAIL")) {
                open = ++mails_seen != 2;
                refused += open ? 0 : 1;
                return open ? "ok" : "503 5.5.1 sender already given\r\n";
            }
            return open || command == "RSET" || command == "QUIT" ? "ok" : "503 5.5.1 no sender\r\n";
        });
        taken += d.serve();
    }});
    for (const send_result& r : send_all(windowed(s.port(), 3), mails(6))) {
        EXPECT_TRUE(r.ok()) << explain(r);
    }
    EXPECT_EQ(refused, 1);
    EXPECT_EQ(s.connections(), 1U);
}

// A 503 to a message that stood alone is the server's answer.
TEST(Window, A503InTurnIsNotRepeated) {
    scripted_server s({[](peer& p) {
        p.greet(modern);
        dialogue d(p, [](const std::string& command) {
            const bool open = command == "RSET" || command == "QUIT";
            return std::string(open ? "ok" : "503 5.5.1 log in first\r\n");
        });
        d.serve();
    }});
    const auto results = send_all(windowed(s.port(), 1), mails(2));
    for (const send_result& r : results) {
        EXPECT_EQ(r.code, 503) << explain(r);
        EXPECT_EQ(r.recipients[0].outcome, disposition::permanent);
    }
}

// --- the line is lost ---

TEST(Window, ALostLineLeavesInDoubtWhatWasHandedOverAndRepeatsNothingOfIt) {
    std::atomic<unsigned> second{0};
    scripted_server s({[](peer& p) {
                           p.greet(modern);
                           int chunks = 0;
                           dialogue d(p, [&](const std::string& command) {
                               chunks += command.starts_with("BDAT") ? 1 : 0;
                               return std::string(chunks == 3 ? "cut" : "ok");
                           });
                           d.serve();
                       },
                       [&](peer& p) {
                           p.greet(modern);
                           dialogue d(p, [](const std::string&) { return std::string("ok"); });
                           second += d.serve();
                       }});
    // Six in the window, all handed over in one write: two were answered, four are in doubt, the rest goes
    // on.
    const auto results = send_all(windowed(s.port(), 6), mails(6));
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(results[i].recipients[0].outcome, i < 2 ? disposition::delivered : disposition::in_doubt)
            << i << explain(results[i]);
    }
    EXPECT_EQ(second, 0U);
    EXPECT_EQ(s.trouble(), "");
}

TEST(Window, ALostLineRepeatsWhatWasProvablyNotAccepted) {
    std::mutex mutex;
    std::vector<std::string> recipients;
    scripted_server s({[](peer& p) {
                           p.greet(without_chunks);
                           dialogue d(p, [](const std::string& command) {
                               // The first message is taken; the second one's envelope is seen, no more.
                               return std::string(command.starts_with("RCPT TO:<1@") ? "cut" : "ok");
                           });
                           d.serve();
                       },
                       [&](peer& p) {
                           p.greet(without_chunks);
                           dialogue d(p, [&](const std::string& command) {
                               if (command.starts_with("RCPT")) {
                                   const std::lock_guard lock(mutex);
                                   recipients.push_back(command);
                               }
                               return std::string("ok");
                           });
                           d.serve();
                       }});
    const auto results = send_all(windowed(s.port(), 4), mails(5));
    for (const send_result& r : results) {
        EXPECT_TRUE(r.ok()) << explain(r);
    }
    EXPECT_EQ(recipients.size(), 4U);
    EXPECT_EQ(recipients.front(), "RCPT TO:<1@example.org>") << "in their order";
}

TEST(Window, WhatIsRepeatedIsRepeatedOnce) {
    scripted_server s({[](peer& p) {
        p.greet(without_chunks);
        dialogue d(p, [](const std::string& command) {
            return std::string(command.starts_with("RCPT TO:<1@") ? "cut" : "ok");
        });
        d.serve();
    }});
    const auto results = send_all(windowed(s.port(), 3), mails(3));
    EXPECT_TRUE(results[0].ok());
    EXPECT_EQ(results[1].error, errc::connection_lost);
    EXPECT_EQ(results[1].recipients[0].outcome, disposition::transient);
    EXPECT_TRUE(results[2].ok()) << explain(results[2]);
    EXPECT_EQ(s.connections(), 3U);
}

TEST(Window, A421SettlesItsOwnMessageAndTheOthersGoOn) {
    std::atomic<unsigned> taken{0};
    scripted_server s({[&](peer& p) {
                           p.greet(modern);
                           int mail = 0;
                           dialogue d(p, [&](const std::string& command) {
                               mail += command.starts_with("MAIL") ? 1 : 0;
                               return std::string(mail == 1 && command.starts_with("RCPT")
                                                      ? "421 4.3.2 too many for me\r\n"
                                                      : "ok");
                           });
                           taken += d.serve();
                       },
                       [&](peer& p) {
                           p.greet(modern);
                           dialogue d(p, [](const std::string&) { return std::string("ok"); });
                           taken += d.serve();
                       }});
    client_options o = windowed(s.port(), 4, false);
    const auto results = send_all(o, mails(4));
    EXPECT_EQ(results[0].error, errc::service_closing);
    EXPECT_EQ(results[0].code, 421);
    for (std::size_t i = 1; i < 4; ++i) {
        EXPECT_TRUE(results[i].ok()) << i << explain(results[i]);
    }
}

TEST(Window, OneUnreadableContentDoesNotTakeTheOthersWithIt) {
    temporary_folder folder;
    const std::string path = folder.file_with("mail.eml", std::string(600'000, 'x') + "\r\n");
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    sink::server s(std::move(c));
    s.run_in_thread();
    auto sent = mails(6);
    result<content> file = content::from_file(path);
    ASSERT_TRUE(file.has_value());
    int composed = 0;
    sent[2].compose = [&](const capabilities&, std::string&) -> result<content> {
        ++composed;
        return *file;
    };
    // The file changes once its first part is read, and before the second one is.
    sent[2].on_progress = [&](const progress& p) {
        if (p.at == stage::content) {
            std::filesystem::resize_file(path, 10);
        }
    };
    const auto results = send_all(windowed(s.port(), 6), sent);
    EXPECT_EQ(results[2].error, errc::content_unreadable) << explain(results[2]);
    EXPECT_EQ(composed, 1) << "its own fault is not repeated";
    for (const std::size_t i : {0U, 1U, 3U, 4U, 5U}) {
        const disposition d = results[i].recipients[0].outcome;
        EXPECT_TRUE(d == disposition::delivered || (i < 2 && d == disposition::in_doubt))
            << i << explain(results[i]);
    }
    s.stop();
}

// What is on its way already when the first message comes that wants to know is nobody's progress.
TEST(Window, ProgressOfOneAmongOthersIsItsOwn) {
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    sink::server s(std::move(c));
    s.run_in_thread();
    const auto lines = [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
            text += "one line of a content that is sent in several writes\r\n";
        }
        return text;
    };
    auto sent = mails(8);
    for (const std::size_t i : {0U, 1U, 3U, 4U, 6U}) {
        sent[i].content = content(lines(6000 / (i + 1)));
    }
    std::map<std::size_t, std::vector<std::uint64_t>> handed;
    for (const std::size_t i : {3U, 6U}) {
        sent[i].on_progress = [&handed, i](const progress& p) { handed[i].push_back(p.handed); };
    }
    const auto results = send_all(windowed(s.port(), 8), sent);
    s.stop();
    for (const std::size_t i : {3U, 6U}) {
        EXPECT_TRUE(results[i].all_delivered()) << explain(results[i]);
        ASSERT_FALSE(handed[i].empty());
        EXPECT_TRUE(std::is_sorted(handed[i].begin(), handed[i].end()));
        EXPECT_EQ(handed[i].back(), sent[i].content.size());
    }
}

// --- no deadlock ---

TEST(Window, AServerThatWritesBeforeItReadsIsReadMeanwhile) {
    // Each reply is huge, and the server stops reading while it cannot write: somebody has to read while a
    // write is stuck.
    std::string wordy;
    for (int i = 0; i < 600; ++i) {
        wordy += "250-" + std::string(90, 'x') + "\r\n";
    }
    wordy += "250 ok\r\n";
    std::atomic<unsigned> taken{0};
    scripted_server s({[&](peer& p) {
        p.small_buffers();
        p.greet(modern);
        dialogue d(p, [&](const std::string& command) {
            taken += command.starts_with("BDAT") ? 1 : 0;
            return command.starts_with("RCPT") ? wordy : std::string(command == "QUIT" ? "ok" : "250 ok\r\n");
        });
        d.serve();
    }});
    std::vector<outgoing> sent = mails(64);
    for (outgoing& m : sent) {
        m.content = content(std::string(30'000, 'y'));
    }
    client_options o = windowed(s.port(), 64);
    o.window_octets = 100'000'000;
    for (const send_result& r : send_all(o, sent)) {
        EXPECT_TRUE(r.ok()) << explain(r);
    }
    EXPECT_EQ(taken, 64U);
    EXPECT_EQ(s.trouble(), "");
}

// --- cancelling one of them ---

struct cancelling {
    std::vector<send_result> results;
    std::vector<int> answers;
};

// Sends five at once with a window of five; number 2 is cancelled when `reached` is.
cancelling cancel_number_two(const client_options& o, const std::vector<outgoing>& sent,
                             std::future<void> reached) {
    asio::io_context context;
    client c(context.get_executor(), o);
    cancelling all{std::vector<send_result>(sent.size()), std::vector<int>(sent.size())};
    asio::cancellation_signal signal;
    for (std::size_t i = 0; i < sent.size(); ++i) {
        const auto done = [&all, i](send_result r) {
            all.results[i] = std::move(r);
            ++all.answers[i];
        };
        if (i == 2) {
            c.async_send(sent[i], asio::bind_cancellation_slot(signal.slot(), done));
        } else {
            c.async_send(sent[i], done);
        }
    }
    std::thread breaker([&] {
        reached.wait();
        asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
    });
    context.run();
    breaker.join();
    return all;
}

TEST(WindowCancelling, WhatIsHandedOverStaysInDoubtAndTheOthersGoOn) {
    std::promise<void> reached;
    std::promise<void> cancelled;
    std::atomic<unsigned> taken{0};
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        int chunks = 0;
        dialogue d(p, [&](const std::string& command) {
            if (command.starts_with("BDAT") && ++chunks == 1) {
                reached.set_value();
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
            return std::string("ok");
        });
        taken += d.serve();
    }});
    const cancelling all = cancel_number_two(windowed(s.port(), 5), mails(5), reached.get_future());
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(all.answers[i], 1);
        if (i != 2) {
            EXPECT_TRUE(all.results[i].ok()) << i << explain(all.results[i]);
        }
    }
    EXPECT_EQ(all.results[2].error, errc::cancelled);
    EXPECT_EQ(all.results[2].recipients[0].outcome, disposition::in_doubt);
    EXPECT_EQ(s.connections(), 1U);
}

TEST(WindowCancelling, WhatIsNotHandedOverIsNotAcceptedAndTheOthersAreRepeated) {
    std::promise<void> reached;
    std::mutex mutex;
    std::vector<std::string> recipients;
    scripted_server s({[&](peer& p) {
                           p.greet(without_chunks);
                           p.until("DATA");
                           reached.set_value();
                           p.stall();
                       },
                       [&](peer& p) {
                           p.greet(without_chunks);
                           dialogue d(p, [&](const std::string& command) {
                               if (command.starts_with("RCPT")) {
                                   const std::lock_guard lock(mutex);
                                   recipients.push_back(command);
                               }
                               return std::string("ok");
                           });
                           d.serve();
                       }});
    const cancelling all = cancel_number_two(windowed(s.port(), 5), mails(5), reached.get_future());
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(all.answers[i], 1);
        EXPECT_EQ(all.results[i].error, i == 2 ? errc::cancelled : errc::ok) << i << explain(all.results[i]);
    }
    EXPECT_EQ(all.results[2].recipients[0].outcome, disposition::transient);
    EXPECT_EQ(recipients.size(), 4U);
}

TEST(WindowCancelling, ClosingEndsAllOfThem) {
    std::promise<void> reached;
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        p.until("BDAT");
        reached.set_value();
        p.stall();
    }});
    asio::io_context context;
    client c(context.get_executor(), windowed(s.port(), 4));
    int answers = 0;
    for (const outgoing& m : mails(10)) {
        c.async_send(m, [&](const send_result& r) {
            ++answers;
            EXPECT_EQ(r.error, errc::cancelled) << explain(r);
        });
    }
    std::thread breaker([&] {
        reached.get_future().wait();
        c.close();
    });
    context.run();
    breaker.join();
    EXPECT_EQ(answers, 10);
    EXPECT_EQ(s.connections(), 1U);
}

// --- the last message takes QUIT along ---

outgoing last_of(outgoing mail) {
    mail.last = true;
    return mail;
}

std::vector<send_result> send_blocking(const client_options& o, const std::vector<outgoing>& mails) {
    blocking_client client(o);
    std::vector<send_result> results;
    for (const outgoing& mail : mails) {
        results.push_back(client.send(mail));
    }
    return results;
}

TEST(Last, LeavesWithQuitInOneFlightAndTheNextOneHasItsOwnLine) {
    for (const auto& send : {send_all, send_blocking}) {
        for (const bool awaited : {true, false}) {
            scripted_server s({[awaited](peer& p) {
                p.greet(modern);
                p.until("MAIL");
                p.until("RCPT");
                p.read(std::stoul(p.until("BDAT").substr(5)));
                EXPECT_EQ(p.line(), "QUIT"); // before anything was answered
                p.send("250 ok\r\n250 ok\r\n250 taken\r\n");
                p.send(awaited ? "221 bye\r\n" : "");
                EXPECT_EQ(p.line(), "") << "the client waits for more";
            }});
            client_options o = options_for(s.port());
            o.await_quit_reply = awaited;
            for (const send_result& r : send(o, {last_of(mails(1)[0]), last_of(mails(1)[0])})) {
                EXPECT_TRUE(r.all_delivered()) << explain(r);
            }
            EXPECT_EQ(s.connections(), 2U);
            EXPECT_EQ(s.trouble(), "");
        }
    }
}

TEST(Last, SaysQuitInTurnWherePipeliningIsNotListed) {
    for (const auto& send : {send_all, send_blocking}) {
        scripted_server s({[](peer& p) {
            p.greet({});
            p.take_message();
            EXPECT_EQ(p.line(), "QUIT");
            p.send("221 bye\r\n");
            EXPECT_EQ(p.line(), "");
        }});
        const auto results = send(options_for(s.port()), {last_of(mails(1)[0])});
        EXPECT_TRUE(results[0].all_delivered()) << explain(results[0]);
        EXPECT_EQ(s.trouble(), "");
    }
}

TEST(Last, InAWindowEndsTheConnectionAfterWhatIsUnderWay) {
    std::mutex mutex;
    std::vector<std::string> seen;
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        dialogue d(p, [&](const std::string& command) {
            const std::lock_guard lock(mutex);
            seen.push_back(command.substr(0, 4));
            return std::string("ok");
        });
        d.serve();
    }});
    auto sent = mails(3);
    sent[1].last = true;
    for (const send_result& r : send_all(windowed(s.port(), 8), sent)) {
        EXPECT_TRUE(r.all_delivered()) << explain(r);
    }
    EXPECT_EQ(s.connections(), 2U);
    const std::vector<std::string> wanted{"MAIL", "RCPT", "BDAT", "RSET", "MAIL", "RCPT",
                                          "BDAT", "QUIT", "MAIL", "RCPT", "BDAT"};
    const std::lock_guard lock(mutex);
    EXPECT_EQ(seen, wanted);
}

TEST(Last, IsInDoubtWhenTheLineEndsBehindQuit) {
    for (const auto& send : {send_all, send_blocking}) {
        scripted_server s({[](peer& p) {
            p.greet(modern);
            p.until("QUIT");
            p.send("250 ok\r\n250 ok\r\n");
            p.cut();
        }});
        const auto results = send(options_for(s.port()), {last_of(mails(1)[0])});
        EXPECT_TRUE(results[0].all(disposition::in_doubt)) << explain(results[0]);
        EXPECT_EQ(results[0].error, errc::connection_lost);
        EXPECT_EQ(s.connections(), 1U) << "what is in doubt is not repeated";
    }
}

TEST(Last, ARefusalStaysOne) {
    for (const auto& send : {send_all, send_blocking}) {
        scripted_server s({[](peer& p) {
            p.greet(modern);
            p.until("QUIT");
            p.send("250 ok\r\n450 4.2.1 later\r\n503 5.5.1 no recipients\r\n221 bye\r\n");
            p.drain();
        }});
        const auto results = send(options_for(s.port()), {last_of(mails(1)[0])});
        EXPECT_TRUE(results[0].all(disposition::transient)) << explain(results[0]);
        EXPECT_EQ(results[0].code, 450);
        EXPECT_EQ(s.connections(), 1U);
    }
}

// --- what is remembered ---

TEST(KnownWindows, OpensBySuccessAndClosesByTrouble) {
    line::known_windows all(2);
    EXPECT_EQ(all.width("a", automatic_window), 1U);
    unsigned most = 1;
    for (int i = 0; i < 1000; ++i) {
        all.clean("a");
        EXPECT_LE(all.width("a", automatic_window), 2 * most);
        most = all.width("a", automatic_window);
    }
    EXPECT_EQ(most, widest_automatic_window);
    EXPECT_EQ(all.width("a", 5), 5U) << "what the caller chose holds";
    all.lost("a");
    EXPECT_EQ(all.width("a", automatic_window), 1U);
    all.clean("a");
    EXPECT_EQ(all.width("a", automatic_window), 2U) << "a lost line may have been anybody's fault";
    all.lost("a");
    for (int i = 0; i < 100; ++i) {
        all.clean("a");
    }
    EXPECT_EQ(all.width("a", automatic_window), 1U) << "twice is nature";
    EXPECT_EQ(all.width("a", 5), 1U);
    all.out_of_turn("b");
    EXPECT_EQ(all.width("b", 64), 1U);
    all.clean("c"); // the bound is two: "a" is forgotten
    EXPECT_EQ(all.width("b", 64), 1U);
    EXPECT_EQ(all.width("a", 5), 5U);
}

TEST(KnownWindows, CountsMessagesTogetherAsOneByOne) {
    for (const unsigned together : {1U, 3U, 7U, 20U, 64U}) {
        line::known_windows all;
        line::known_windows one_by_one;
        for (int i = 0; i < 20; ++i) {
            all.clean("a", together);
            for (unsigned n = 0; n < together; ++n) {
                one_by_one.clean("a");
            }
            EXPECT_EQ(all.width("a", automatic_window), one_by_one.width("a", automatic_window));
        }
    }
}

TEST(Window, AutomaticOpensWithTheFirstMessagesAndWaitsWithoutPipelining) {
    for (const bool pipelining : {true, false}) {
        std::atomic<int> most{0};
        scripted_server s({[&](peer& p) {
            p.greet(pipelining ? modern : std::vector<std::string>{"CHUNKING"});
            int taken = 0;
            dialogue d(p, [&](const std::string& command) {
                if (command.starts_with("BDAT")) {
                    // So that the window is full now and then, whichever of the two is faster.
                    std::this_thread::sleep_for(std::chrono::milliseconds(++taken % 50 == 0 ? 100 : 0));
                    most = std::max<int>(most, static_cast<int>(p.waiting("BDAT")));
                }
                return std::string("ok");
            });
            d.serve();
        }});
        for (const send_result& r : send_all(windowed(s.port(), automatic_window), mails(200))) {
            EXPECT_TRUE(r.ok()) << explain(r);
        }
        EXPECT_EQ(most > 3, pipelining) << most;
    }
}

TEST(Window, AutomaticOpensOnALineThatIsNeverIdle) {
    std::size_t most = 0;
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        dialogue d(p, [&](const std::string& command) {
            // No message is answered before the next one is there.
            for (int i = 0; command.starts_with("BDAT") && i < 20 && !p.has_more(); ++i) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            most = std::max(most, p.waiting("BDAT"));
            return std::string("ok");
        });
        d.serve();
    }});
    for (const send_result& r : send_all(windowed(s.port(), automatic_window), mails(200))) {
        EXPECT_TRUE(r.ok()) << explain(r);
    }
    EXPECT_GT(most, 8U);
}

} // namespace
