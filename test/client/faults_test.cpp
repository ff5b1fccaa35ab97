// The client against servers that do wrong, or nothing: what must not happen, and that every outcome is told.
#include "certificates.hpp"
#include "postrider/client.hpp"
#include "scripted_server.hpp"
#include "support.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include <arpa/inet.h>
#include <atomic>
#include <future>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace postrider;
using namespace postrider::test;
namespace asio = boost::asio;
using script = scripted_server::script;

namespace {

using clock_type = std::chrono::steady_clock;

std::chrono::milliseconds since(clock_type::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - start);
}

const std::vector<std::string> modern{"PIPELINING", "8BITMIME", "SIZE 1000000000", "CHUNKING"};

server_context good_context() {
    const auto& leaf = certificates()["leaves"]["good"];
    return make_context(leaf["chain"], leaf["key"]);
}

client_options verified(std::uint16_t port, tls_policy tls) {
    client_options o = options_for(port, tls);
    o.tls.name = "mail.test";
    o.tls.ca_file = certificates()["ca"];
    return o;
}

send_result send_one(const client_options& o) {
    return blocking_client(o).send(mail_to({"a@example.org"}));
}

// --- STARTTLS ---

TEST(StartTls, PlaintextBehindTheReplyIsAnAttack) {
    // In the same segment as the 220, and in one that comes a little later but before the handshake can have
    // begun.
    for (const std::string injected : {"250 ok\r\n", "x", "\r\n", "250-fake\r\n250 AUTH PLAIN\r\n"}) {
        scripted_server s({[&](peer& p) {
            p.greet({"STARTTLS"});
            p.until("STARTTLS");
            p.send("220 go ahead\r\n" + injected);
            p.drain();
            EXPECT_EQ(p.clear().find("MAIL"), std::string::npos);
        }});
        const send_result r = send_one(verified(s.port(), tls_policy::required));
        EXPECT_EQ(r.error, errc::starttls_injection) << explain(r);
        EXPECT_EQ(s.trouble(), "");
    }
}

TEST(StartTls, PlaintextDuringTheHandshakeEndsIt) {
    scripted_server s({[](peer& p) {
        p.greet({"STARTTLS"});
        p.until("STARTTLS");
        p.send("220 go ahead\r\n");
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        p.send("250 welcome\r\n");
        p.drain();
        EXPECT_EQ(p.clear().find("MAIL"), std::string::npos);
    }});
    const send_result r = send_one(verified(s.port(), tls_policy::required));
    EXPECT_TRUE(r.error == errc::tls_handshake || r.error == errc::starttls_injection) << explain(r);
    EXPECT_EQ(s.trouble(), "");
}

TEST(StartTls, NothingButEhloStarttlsAndQuitGoesInClear) {
    for (const std::string reply : {"454 4.7.0 not now\r\n", "502 5.5.1 unknown\r\n", "250 what\r\n"}) {
        scripted_server s({[&](peer& p) {
            p.greet({"STARTTLS", "AUTH PLAIN", "PIPELINING"});
            EXPECT_EQ(p.line(), "STARTTLS");
            p.send(reply);
            const std::string next = p.line();
            EXPECT_TRUE(next == "QUIT" || next.empty()) << next;
            p.send("221 bye\r\n");
            p.drain();
            EXPECT_EQ(p.clear(), next.empty() ? "EHLO localhost\r\nSTARTTLS\r\n"
                                              : "EHLO localhost\r\nSTARTTLS\r\nQUIT\r\n");
        }});
        client_options o = verified(s.port(), tls_policy::required);
        o.credentials.emplace();
        o.credentials->user = "alice";
        o.credentials->password = secret("secret");
        const send_result r = send_one(o);
        EXPECT_FALSE(r.ok());
        EXPECT_EQ(r.code, std::stoi(reply));
        EXPECT_EQ(r.at, stage::starttls);
        EXPECT_EQ(s.trouble(), "");
    }
}

TEST(StartTls, WhatWasLearntBeforeIsForgotten) {
    const server_context tls = good_context();
    scripted_server s({[&](peer& p) {
        p.greet({"STARTTLS", "PIPELINING", "SIZE 1", "SMTPUTF8", "CHUNKING"});
        p.until("STARTTLS");
        p.send("220 go\r\n");
        ASSERT_TRUE(p.start_tls(tls.get()));
        p.answer_ehlo({"8BITMIME"});
        EXPECT_EQ(p.line(), "MAIL FROM:<sender@example.org>") << "neither SIZE nor a second command with it";
        p.send("250 ok\r\n");
        p.take_message();
        p.until("QUIT");
        p.send("221 bye\r\n");
        p.close();
    }});
    blocking_client c(verified(s.port(), tls_policy::required));
    const send_result r = c.send(mail_to({"a@example.org"}));
    EXPECT_TRUE(r.ok()) << explain(r);
    const std::string& before = r.connection->ehlo_before_tls;
    EXPECT_EQ(std::count(before.begin(), before.end(), '\n'), 5) << before;
    EXPECT_EQ(r.connection->ehlo, "server.test\n8BITMIME");
    EXPECT_TRUE(c.quit().ok());
    EXPECT_EQ(s.trouble(), "");
}

// --- certificates ---

TEST(Certificates, TheWholeMatrix) {
    unsigned tried = 0;
    for (const auto& test : certificates()["cases"]) {
        const auto& server = test["server"];
        const auto version = [&server](const char* key) {
            const std::string name = server.value(key, "");
            return name == "TLSv1"     ? TLS1_VERSION
                   : name == "TLSv1_1" ? TLS1_1_VERSION
                   : name == "TLSv1_2" ? TLS1_2_VERSION
                   : name == "TLSv1_3" ? TLS1_3_VERSION
                                       : 0;
        };
        const server_context context = make_context(test["chain"], test["key"], server.value("seclevel", -1),
                                                    version("minimum"), version("maximum"));
        scripted_server s({[&](peer& p) {
            if (p.start_tls(context.get())) {
                p.greet({});
                p.drain();
            }
        }});
        client_options o = verified(s.port(), tls_policy::implicit);
        o.tls.name = test["host"];
        for (const auto& need : test["needs"]) {
            if (need == "crl") {
                o.tls.crl_file = certificates()["crl"];
            }
        }
        blocking_client c(o);
        const status r = c.connect();
        const std::string what = test["name"].get<std::string>() + ": " + explain(r);
        if (test["expected"] == "ok") {
            EXPECT_TRUE(r.ok()) << what;
            EXPECT_TRUE(r.connection->tls_verified) << what;
        } else {
            // A host that is none is refused before anything is sent.
            EXPECT_TRUE(r.error == errc::tls_certificate || r.error == errc::tls_handshake ||
                        r.error == errc::bad_configuration)
                << what;
            EXPECT_FALSE(r.detail.empty()) << what;
        }
        ++tried;
    }
    EXPECT_GT(tried, 50U);
}

// A stapled OCSP response (RFC 6066 8) for a leaf of the matrix, signed by its root.
struct staple {
    std::string der;

    staple(const std::string& leaf_name, int status, int days_old = 0) {
        const std::string folder =
            std::filesystem::path(certificates()["ca"].get<std::string>()).parent_path();
        X509* const root = load<X509, PEM_read_bio_X509>(certificates()["ca"]);
        X509* const leaf = load<X509, PEM_read_bio_X509>(certificates()["leaves"][leaf_name]["chain"]);
        EVP_PKEY* const key = load<EVP_PKEY, PEM_read_bio_PrivateKey>(folder + "/issuers/root/key.pem");
        OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
        ASN1_TIME* const from = X509_gmtime_adj(nullptr, -3600L - 86400L * days_old);
        ASN1_TIME* const until = X509_gmtime_adj(nullptr, 3600L - 86400L * days_old);
        OCSP_CERTID* const id = OCSP_cert_to_id(nullptr, leaf, root);
        OCSP_basic_add1_status(basic, id, status,
                               status == V_OCSP_CERTSTATUS_REVOKED ? OCSP_REVOKED_STATUS_KEYCOMPROMISE : 0,
                               status == V_OCSP_CERTSTATUS_REVOKED ? from : nullptr, from, until);
        OCSP_basic_sign(basic, root, key, EVP_sha256(), nullptr, 0);
        OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
        unsigned char* octets = nullptr;
        const int size = i2d_OCSP_RESPONSE(response, &octets);
        der.assign(reinterpret_cast<char*>(octets), static_cast<std::size_t>(size));
        OPENSSL_free(octets);
        OCSP_RESPONSE_free(response);
        OCSP_BASICRESP_free(basic);
        OCSP_CERTID_free(id);
        ASN1_TIME_free(from);
        ASN1_TIME_free(until);
        EVP_PKEY_free(key);
        X509_free(leaf);
        X509_free(root);
    }

    static int serve(SSL* ssl, void* self) {
        const std::string& octets = static_cast<staple*>(self)->der;
        auto* const copy = static_cast<unsigned char*>(OPENSSL_memdup(octets.data(), octets.size()));
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(octets.size()));
        return SSL_TLSEXT_ERR_OK;
    }

  private:
    template <class T, auto Read>
    static T* load(const std::string& file) {
        BIO* const in = BIO_new_file(file.c_str(), "r");
        T* const read = Read(in, nullptr, nullptr, nullptr);
        BIO_free(in);
        return read;
    }
};

TEST(Certificates, StapledResponses) {
    staple good("must-staple", V_OCSP_CERTSTATUS_GOOD);
    staple old("must-staple", V_OCSP_CERTSTATUS_GOOD, 3);
    staple others("good", V_OCSP_CERTSTATUS_GOOD);
    staple unknown("must-staple", V_OCSP_CERTSTATUS_UNKNOWN);
    staple forged = good;
    forged.der[100] = static_cast<char>(forged.der[100] ^ 1); // within what is signed
    staple revoked("revoked", V_OCSP_CERTSTATUS_REVOKED);
    const struct {
        const char* what;
        const char* leaf;
        staple* sent;
        const char* problem; // null: accepted
    } cases[] = {
        {"promised and good", "must-staple", &good, nullptr},
        {"promised and stale", "must-staple", &old, "out of date"},
        {"promised, but another's", "must-staple", &others, "another certificate"},
        {"promised, but unknown", "must-staple", &unknown, "does not know"},
        {"promised and forged", "must-staple", &forged, "malformed or not signed"},
        {"promised and absent", "must-staple", nullptr, "RFC 7633"},
        {"revoked, not promised", "revoked", &revoked, "revoked"},
        {"useless, not promised", "good", &old, nullptr},
    };
    for (const auto& c : cases) {
        const auto& leaf = certificates()["leaves"][c.leaf];
        const server_context context = make_context(leaf["chain"], leaf["key"]);
        if (c.sent != nullptr) {
            SSL_CTX_set_tlsext_status_cb(context.get(), staple::serve);
            SSL_CTX_set_tlsext_status_arg(context.get(), c.sent);
        }
        scripted_server s({[&](peer& p) {
            if (p.start_tls(context.get())) {
                p.greet({});
                p.drain();
            }
        }});
        const status r = blocking_client(verified(s.port(), tls_policy::implicit)).connect();
        if (c.problem == nullptr) {
            EXPECT_TRUE(r.ok()) << c.what << ": " << explain(r);
        } else {
            EXPECT_EQ(r.error, errc::tls_certificate) << c.what;
            EXPECT_NE(r.detail.find(c.problem), std::string::npos) << c.what << ": " << r.detail;
        }
    }
}

TEST(Certificates, AFingerprintStandsInForTheRest) {
    const auto& leaf = certificates()["leaves"]["self-signed"];
    const server_context context = make_context(leaf["chain"], leaf["key"]);
    scripted_server s({[&](peer& p) {
        if (p.start_tls(context.get())) {
            p.greet({});
            p.drain();
        }
    }});
    client_options o = options_for(s.port(), tls_policy::implicit);
    EXPECT_EQ(blocking_client(o).connect().error, errc::tls_certificate);
    std::string upper = leaf["sha256"];
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return std::toupper(c); });
    o.tls.fingerprints = {std::string(64, '0'), upper};
    const status pinned = blocking_client(o).connect();
    EXPECT_TRUE(pinned.ok()) << explain(pinned);
    EXPECT_TRUE(pinned.connection->tls_verified);
    o.tls.fingerprints = {std::string(64, '0')};
    o.tls.ca_file = certificates()["ca"];
    const status other = blocking_client(o).connect();
    EXPECT_EQ(other.error, errc::tls_certificate);
    EXPECT_NE(other.detail.find(leaf["sha256"].get<std::string>()), std::string::npos) << other.detail;
}

TEST(Certificates, OfTheClient) {
    const server_context context = good_context();
    SSL_CTX_load_verify_file(context.get(), certificates()["ca"].get<std::string>().c_str());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    scripted_server s({[&](peer& p) {
        if (p.start_tls(context.get())) {
            p.greet({});
            p.drain();
        }
    }});
    client_options o = verified(s.port(), tls_policy::implicit);
    const status none = blocking_client(o).connect();
    EXPECT_EQ(none.error, errc::tls_handshake) << explain(none);
    EXPECT_NE(none.detail.find("certificate required"), std::string::npos) << none.detail;
    const auto& known = certificates()["clients"]["client-good"];
    o.tls.client_cert = known["chain"];
    o.tls.client_key = known["key"];
    const status good = blocking_client(o).connect();
    EXPECT_TRUE(good.ok()) << explain(good);
    const auto& unknown = certificates()["clients"]["client-unknown-root"];
    o.tls.client_cert = unknown["chain"];
    o.tls.client_key = unknown["key"];
    EXPECT_EQ(blocking_client(o).connect().error, errc::tls_handshake);
}

// --- ends of the line ---

TEST(Line, TruncatedTlsIsNoEnd) {
    const server_context tls = good_context();
    struct {
        const char* what;
        script cut;
        disposition outcome;
    } const cases[] = {
        {"in the greeting", [](peer& p) { p.send("220 hel"); }, disposition::transient},
        {"before the content",
         [](peer& p) {
             p.greet({});
             p.until("DATA");
         },
         disposition::transient},
        {"before the final reply",
         [](peer& p) {
             p.greet(modern);
             p.until("BDAT");
             p.line();
             p.line();
             p.line();
             p.send("250 ok\r\n250 ok\r\n25");
         },
         disposition::in_doubt},
    };
    for (const auto& c : cases) {
        for (const bool orderly : {false, true}) {
            scripted_server s({[&](peer& p) {
                ASSERT_TRUE(p.start_tls(tls.get()));
                // Nothing is pipelined in the second case, so that its DATA follows answers.
                if (std::string_view(c.what) == "before the content") {
                    p.greet({});
                    p.until("MAIL");
                    p.send("250 ok\r\n");
                    p.until("RCPT");
                    p.send("250 ok\r\n");
                    p.until("DATA");
                } else {
                    c.cut(p);
                }
                orderly ? p.close() : p.cut();
            }});
            const send_result r = send_one(verified(s.port(), tls_policy::implicit));
            EXPECT_EQ(r.error, orderly ? errc::connection_lost : errc::tls_truncated)
                << c.what << ": " << explain(r);
            EXPECT_EQ(r.recipients[0].outcome, c.outcome) << c.what;
            EXPECT_EQ(s.trouble(), "") << c.what;
        }
    }
}

TEST(Line, ACutInPlaintext) {
    for (const bool reset : {false, true}) {
        scripted_server s({[reset](peer& p) {
            p.greet(modern);
            p.until("BDAT");
            for (int i = 0; i < 3; ++i) {
                p.line(); // the content
            }
            reset ? p.reset() : p.cut();
        }});
        const send_result r = send_one(options_for(s.port()));
        EXPECT_EQ(r.error, errc::connection_lost) << explain(r);
        EXPECT_EQ(r.recipients[0].outcome, disposition::in_doubt);
        EXPECT_EQ(s.trouble(), "");
    }
}

TEST(Line, WhatTheServerSaidBeforeItClosedIsHeard) {
    // The message is far larger than what the system buffers: the client is writing when the line goes down.
    scripted_server s({[](peer& p) {
        p.greet({"SIZE"});
        p.until("MAIL");
        p.send("250 ok\r\n");
        p.until("RCPT");
        p.send("250 ok\r\n");
        p.until("DATA");
        p.send("354 go\r\n");
        p.line();
        p.send("552 5.3.4 too much\r\n");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        p.cut();
    }});
    std::string large = "Subject: large\r\n\r\n";
    while (large.size() < 20'000'000) {
        large += "seventy octets and a line end, and that over and over again: tedious..\r\n";
    }
    const send_result r = blocking_client(options_for(s.port())).send(mail_to({"a@example.org"}, large));
    EXPECT_EQ(r.error, errc::content_refused) << explain(r);
    EXPECT_EQ(r.code, 552);
    EXPECT_EQ(r.recipients[0].outcome, disposition::permanent);
    EXPECT_EQ(s.trouble(), "");
}

TEST(Line, ServerThatAnswersButDoesNotReadAheadIsNoDeadlock) {
    constexpr std::size_t many = 20'000;
    scripted_server s({[](peer& p) {
        p.greet({"PIPELINING"});
        const std::string padding(400, 'x');
        for (;;) {
            const std::string command = p.line();
            if (command == "DATA") {
                break;
            }
            if (command.empty()) {
                return;
            }
            p.send("250 2.1.5 " + padding + "\r\n"); // blocks when the client does not read
        }
        p.send("354 go\r\n");
        p.until(".");
        p.send("250 ok\r\n");
        p.drain();
    }});
    client_options o = options_for(s.port());
    std::vector<addressee> recipients;
    for (std::size_t i = 0; i < many; ++i) {
        recipients.emplace_back("a" + std::to_string(i) + "@example.org");
    }
    blocking_client c(o);
    const send_result r = c.send(mail_to(recipients));
    EXPECT_TRUE(r.all_delivered()) << explain(r);
    EXPECT_EQ(s.trouble(), "");
}

TEST(KeptSession, ARiskyReplyWhileIdleIsNotForgiven) {
    std::promise<void> idle;
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        p.take_message();
        idle.get_future().wait();
        p.send("250 2.0.0 the next one is taken as well\r\n");
        p.drain();
    }});
    blocking_client c(options_for(s.port()));
    ASSERT_TRUE(c.send(mail_to({"a@example.org"})).ok());
    idle.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const send_result r = c.send(mail_to({"b@example.org"}));
    EXPECT_EQ(r.error, errc::unsolicited_reply) << explain(r);
    EXPECT_EQ(r.recipients[0].outcome, disposition::transient);
    EXPECT_EQ(s.connections(), 1U) << "an attack is not tried again";
    EXPECT_EQ(s.trouble(), "");
}

TEST(KeptSession, IsMadeAnewOnceAndOnlyOnce) {
    const script short_lived = [](peer& p) {
        p.greet(modern);
        p.take_message();
        p.cut();
    };
    scripted_server s({short_lived, [](peer& p) { p.cut(); }});
    blocking_client c(options_for(s.port()));
    ASSERT_TRUE(c.send(mail_to({"a@example.org"})).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const send_result r = c.send(mail_to({"b@example.org"}));
    EXPECT_EQ(r.error, errc::connection_lost) << explain(r);
    EXPECT_EQ(r.at, stage::greeting);
    EXPECT_EQ(s.connections(), 2U);
    EXPECT_EQ(s.trouble(), "");
}

// --- time ---

TEST(Timeouts, EachStepHasItsOwn) {
    struct {
        const char* what;
        script stalls;
        stage at;
        disposition outcome;
    } const cases[] = {
        {"greeting", [](peer& p) { p.stall(); }, stage::greeting, disposition::transient},
        {"ehlo",
         [](peer& p) {
             p.send("220 hi\r\n");
             p.stall();
         },
         stage::ehlo, disposition::transient},
        {"mail",
         [](peer& p) {
             p.greet({});
             p.stall();
         },
         stage::mail, disposition::transient},
        {"final",
         [](peer& p) {
             p.greet(modern);
             p.until("RCPT");
             p.send("250 ok\r\n250 ok\r\n");
             p.stall();
         },
         stage::content, disposition::in_doubt},
        {"drip",
         [](peer& p) {
             p.send("220 hi\r\n");
             p.line();
             for (int i = 0; i < 100; ++i) {
                 p.send("2");
                 p.send("50-x\r\n");
                 std::this_thread::sleep_for(std::chrono::milliseconds(20));
             }
         },
         stage::ehlo, disposition::transient},
    };
    for (const auto& c : cases) {
        scripted_server s({c.stalls});
        client_options o = options_for(s.port());
        o.timeouts.greeting = o.timeouts.command = o.timeouts.data_start = o.timeouts.data_done = 150;
        const auto start = clock_type::now();
        const send_result r = send_one(o);
        EXPECT_EQ(r.error, errc::timed_out) << c.what << ": " << explain(r);
        EXPECT_EQ(r.at, c.at) << c.what;
        EXPECT_EQ(r.recipients[0].outcome, c.outcome) << c.what;
        EXPECT_GE(since(start).count(), 145) << c.what;
        EXPECT_LT(since(start).count(), 1500) << c.what;
    }
}

TEST(Timeouts, ServerThatStopsReading) {
    std::promise<void> over;
    scripted_server s({[&](peer& p) {
        p.greet({"PIPELINING"});
        p.until("DATA");
        p.send("250 ok\r\n250 ok\r\n354 go\r\n");
        over.get_future().wait();
    }});
    client_options o = options_for(s.port());
    o.timeouts.data_block = 200;
    outgoing m = mail_to({"a@example.org"}, std::string(30'000'000, 'x'));
    std::uint64_t handed = 0;
    m.on_progress = [&handed](const progress& p) { handed = p.handed; };
    blocking_client c(o);
    const auto start = clock_type::now();
    const send_result r = c.send(m);
    over.set_value();
    EXPECT_EQ(r.error, errc::timed_out) << explain(r);
    EXPECT_LT(since(start).count(), 3000);
    EXPECT_EQ(r.recipients[0].outcome, disposition::transient) << "the end was never handed over";
    EXPECT_GT(handed, 0U);
    EXPECT_LT(handed, 1'000'000U) << "what is under way nearby is bounded";
}

TEST(Timeouts, TlsHandshake) {
    scripted_server implicit({[](peer& p) { p.stall(); }});
    client_options o = verified(implicit.port(), tls_policy::implicit);
    o.connect_timeout = std::chrono::milliseconds(150);
    send_result r = send_one(o);
    EXPECT_EQ(r.error, errc::timed_out) << explain(r);
    EXPECT_EQ(r.at, stage::connect);
    scripted_server later({[](peer& p) {
        p.greet({"STARTTLS"});
        p.until("STARTTLS");
        p.send("220 go\r\n");
        p.stall();
    }});
    o = verified(later.port(), tls_policy::required);
    o.timeouts.command = 150;
    r = send_one(o);
    EXPECT_EQ(r.error, errc::timed_out) << explain(r);
    EXPECT_EQ(r.at, stage::starttls);
}

// --- connecting ---

// An address where a connection is neither made nor refused: the queue of its listener is full.
class silent_address {
  public:
    silent_address(const char* address, std::uint16_t port) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        ::inet_pton(AF_INET, address, &to.sin_addr);
        sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int on = 1;
        ::setsockopt(sockets_[0], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        usable_ = ::bind(sockets_[0], reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
                  ::listen(sockets_[0], 0) == 0;
        for (int i = 0; i < 4; ++i) {
            sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            ::connect(sockets_.back(), reinterpret_cast<sockaddr*>(&to), sizeof to);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ~silent_address() {
        for (const int s : sockets_) {
            ::close(s);
        }
    }
    silent_address(const silent_address&) = delete;
    silent_address& operator=(const silent_address&) = delete;
    bool usable() const { return usable_; }

  private:
    std::vector<int> sockets_;
    bool usable_ = false;
};

const script friendly = [](peer& p) {
    p.greet(modern);
    p.take_message();
    p.drain();
};

TEST(Connecting, ADeadFirstAddressCostsAStaggerOnly) {
    scripted_server s({friendly});
    const silent_address dead("127.0.0.2", s.port());
    ASSERT_TRUE(dead.usable());
    client_options o = options_for(s.port());
    o.server.host = "mail.test";
    o.connect_stagger = std::chrono::milliseconds(60);
    o.resolver = [](const std::string& host) {
        EXPECT_EQ(host, "mail.test");
        return std::vector<std::string>{"127.0.0.2", "127.0.0.1"};
    };
    const auto start = clock_type::now();
    const send_result r = send_one(o);
    EXPECT_TRUE(r.ok()) << explain(r);
    EXPECT_GE(since(start).count(), 60);
    EXPECT_LT(since(start).count(), 900) << "not the second after which the system tries again";
    ASSERT_EQ(r.connection->attempts.size(), 2U);
    EXPECT_EQ(r.connection->attempts[0].error, errc::cancelled);
    EXPECT_EQ(r.connection->attempts[1].error, errc::ok);
}

TEST(Connecting, ABlockingCallRacesToo) {
    scripted_server s({friendly});
    const silent_address dead("127.0.0.2", s.port());
    ASSERT_TRUE(dead.usable());
    client_options o = options_for(s.port());
    o.server.host = "mail.test";
    o.connect_stagger = std::chrono::milliseconds(60);
    o.resolver = [](const std::string&) { return std::vector<std::string>{"::1", "127.0.0.2", "127.0.0.1"}; };
    const auto start = clock_type::now();
    const send_result r = blocking_client(o).send(mail_to({"a@example.org"}));
    EXPECT_TRUE(r.ok()) << explain(r);
    EXPECT_LT(since(start).count(), 900) << "not the second after which the system tries again";
    ASSERT_EQ(r.connection->attempts.size(), 3U);
    EXPECT_EQ(r.connection->attempts[0].error, errc::connection_refused);
    EXPECT_EQ(r.connection->attempts[1].error, errc::cancelled);
    EXPECT_EQ(r.connection->attempts[2].error, errc::ok);

    o.resolver = [](const std::string&) { return std::vector<std::string>{"127.0.0.2"}; };
    for (const int limit : {0, 20, 250}) { // shorter and longer than what the thread is blocked for
        o.connect_timeout = std::chrono::milliseconds(limit);
        EXPECT_EQ(blocking_client(o).send(mail_to({"a@example.org"})).error, errc::timed_out) << limit;
    }
}

TEST(Connecting, AFullUnixSocketHoldsNobodyUp) {
    const std::string path = "/tmp/postrider-full-" + std::to_string(::getpid());
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    std::vector<int> sockets{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(::bind(sockets[0], reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    ASSERT_EQ(::listen(sockets[0], 0), 0);
    for (int i = 0; i < 4; ++i) {
        sockets.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        ::connect(sockets.back(), reinterpret_cast<sockaddr*>(&where), sizeof where);
    }
    client_options o;
    o.server.unix_path = path;
    o.server.protocol = protocol::lmtp;
    o.server.tls = tls_policy::none;
    EXPECT_EQ(blocking_client(o).connect().error, errc::connection_failed);
    for (const int s : sockets) {
        ::close(s);
    }
    ::unlink(path.c_str());
}

TEST(Connecting, FamiliesTakeTurnsAndARefusalCostsNothing) {
    scripted_server s({friendly});
    client_options o = options_for(s.port());
    o.server.host = "mail.test";
    o.connect_stagger = std::chrono::seconds(5);
    o.resolver = [](const std::string&) { return std::vector<std::string>{"::1", "::2", "127.0.0.1"}; };
    const auto start = clock_type::now();
    const send_result r = send_one(o);
    EXPECT_TRUE(r.ok()) << explain(r);
    EXPECT_LT(since(start).count(), 2000);
    ASSERT_EQ(r.connection->attempts.size(), 2U);
    EXPECT_TRUE(r.connection->attempts[0].address.starts_with("[::1]:")) << r.connection->attempts[0].address;
    EXPECT_NE(r.connection->attempts[0].error, errc::ok);
}

TEST(Connecting, FailuresAreToldApart) {
    std::uint16_t port = 0;
    {
        scripted_server gone({friendly});
        port = gone.port();
    }
    send_result r = send_one(options_for(port));
    EXPECT_EQ(r.error, errc::connection_refused) << explain(r);
    EXPECT_EQ(r.recipients[0].outcome, disposition::transient);
    EXPECT_NE(r.detail.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << r.detail;

    client_options o = options_for(port);
    o.server.host = "mail.test";
    o.resolver = [](const std::string&) { return std::vector<std::string>{}; };
    r = send_one(o);
    EXPECT_EQ(r.error, errc::host_not_found);
    EXPECT_EQ(r.recipients[0].outcome, disposition::permanent);

    scripted_server s({friendly});
    const silent_address dead("127.0.0.2", s.port());
    o = options_for(s.port());
    o.server.host = "127.0.0.2";
    o.connect_timeout = std::chrono::milliseconds(150);
    r = send_one(o);
    EXPECT_EQ(r.error, errc::timed_out) << explain(r);

    // A resolver that hangs holds nothing up, not even the end of the client.
    std::promise<void> release;
    o = options_for(s.port());
    o.server.host = "mail.test";
    o.connect_timeout = std::chrono::milliseconds(150);
    o.resolver = [wait = release.get_future().share()](const std::string&) {
        wait.wait();
        return std::vector<std::string>{"127.0.0.1"};
    };
    const auto start = clock_type::now();
    r = send_one(o);
    EXPECT_EQ(r.error, errc::timed_out) << explain(r);
    EXPECT_LT(since(start).count(), 1500);
    release.set_value();
}

TEST(Connecting, TheFilterSeesEveryAddress) {
    scripted_server s({friendly});
    std::vector<std::string> seen;
    client_options o = options_for(s.port());
    o.server.host = "mail.test";
    o.resolver = [](const std::string&) {
        return std::vector<std::string>{"::ffff:127.0.0.2", "127.0.0.3", "127.0.0.1"};
    };
    o.address_filter = [&seen](std::string_view address) {
        seen.emplace_back(address);
        return address == "127.0.0.1";
    };
    send_result r = send_one(o);
    EXPECT_TRUE(r.ok()) << explain(r);
    EXPECT_EQ(seen, (std::vector<std::string>{"127.0.0.2", "127.0.0.3", "127.0.0.1"}));
    EXPECT_EQ(r.connection->attempts.size(), 1U);
    o.server.host = "127.0.0.1"; // a literal is looked at as well
    o.address_filter = [](std::string_view) { return false; };
    r = send_one(o);
    EXPECT_EQ(r.error, errc::connection_failed);
    EXPECT_NE(r.detail.find("filtered"), std::string::npos) << r.detail;
    EXPECT_EQ(s.connections(), 1U);
}

// --- cancelling ---

// Runs a send, cancels it once the server signals, and gives back the result and how long the cancelling
// took.
send_result cancelled_send(const client_options& o, outgoing m, std::future<void> reached) {
    asio::io_context context;
    client c(context.get_executor(), o);
    asio::cancellation_signal signal;
    send_result result;
    clock_type::time_point emitted;
    bool done = false;
    c.async_send(std::move(m), asio::bind_cancellation_slot(signal.slot(), [&](send_result r) {
                     result = std::move(r);
                     done = true;
                     EXPECT_LT(since(emitted).count(), 1000);
                 }));
    std::thread other([&] {
        reached.wait();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        asio::post(context, [&] {
            emitted = clock_type::now();
            signal.emit(asio::cancellation_type::terminal);
        });
    });
    context.run();
    other.join();
    EXPECT_TRUE(done);
    return result;
}

TEST(Cancelling, AtEveryStageOfTheSession) {
    const server_context tls = good_context();
    struct {
        const char* what;
        std::function<void(peer&)> until_there;
        stage at;
        disposition outcome;
    } const cases[] = {
        {"greeting", [](peer&) {}, stage::greeting, disposition::transient},
        {"ehlo",
         [](peer& p) {
             p.send("220 hi\r\n");
             p.until("EHLO");
         },
         stage::ehlo, disposition::transient},
        {"starttls",
         [](peer& p) {
             p.greet({"STARTTLS"});
             p.until("STARTTLS");
         },
         stage::starttls, disposition::transient},
        {"handshake",
         [](peer& p) {
             p.greet({"STARTTLS"});
             p.until("STARTTLS");
             p.send("220 go\r\n");
         },
         stage::starttls, disposition::transient},
        {"auth",
         [&](peer& p) {
             p.greet({"STARTTLS"});
             p.until("STARTTLS");
             p.send("220 go\r\n");
             p.start_tls(tls.get());
             p.answer_ehlo({"AUTH PLAIN"});
             p.until("AUTH");
         },
         stage::auth, disposition::transient},
        {"mail",
         [&](peer& p) {
             p.greet({"STARTTLS"});
             p.until("STARTTLS");
             p.send("220 go\r\n");
             p.start_tls(tls.get());
             p.answer_ehlo({"AUTH PLAIN"});
             p.until("AUTH");
             p.send("235 ok\r\n");
             p.until("MAIL");
         },
         stage::mail, disposition::transient},
        {"final reply",
         [&](peer& p) {
             p.greet({"STARTTLS"});
             p.until("STARTTLS");
             p.send("220 go\r\n");
             p.start_tls(tls.get());
             p.answer_ehlo({"AUTH PLAIN", "PIPELINING", "CHUNKING"});
             p.until("AUTH");
             p.send("235 ok\r\n");
             p.until("BDAT");
             p.send("250 ok\r\n250 ok\r\n");
         },
         stage::content, disposition::in_doubt},
    };
    for (const auto& c : cases) {
        std::promise<void> reached;
        scripted_server s({[&](peer& p) {
            c.until_there(p);
            reached.set_value();
            p.drain();
        }});
        client_options o = verified(s.port(), tls_policy::required);
        o.credentials.emplace();
        o.credentials->user = "alice";
        o.credentials->password = secret("secret");
        const send_result r = cancelled_send(o, mail_to({"a@example.org"}), reached.get_future());
        EXPECT_EQ(r.error, errc::cancelled) << c.what << ": " << explain(r);
        EXPECT_EQ(r.at, c.at) << c.what;
        EXPECT_EQ(r.recipients[0].outcome, c.outcome) << c.what;
        EXPECT_EQ(s.trouble(), "") << c.what;
    }
}

TEST(Cancelling, WhileConnecting) {
    scripted_server s({friendly});
    const silent_address dead("127.0.0.2", s.port());
    client_options o = options_for(s.port());
    o.server.host = "127.0.0.2";
    std::promise<void> now;
    now.set_value();
    send_result r = cancelled_send(o, mail_to({"a@example.org"}), now.get_future());
    EXPECT_EQ(r.error, errc::cancelled) << explain(r);
    EXPECT_EQ(r.at, stage::connect);
    EXPECT_EQ(r.recipients[0].outcome, disposition::transient);

    std::promise<void> release;
    std::promise<void> asked;
    o.server.host = "mail.test";
    o.resolver = [&asked, wait = release.get_future().share()](const std::string&) {
        asked.set_value();
        wait.wait();
        return std::vector<std::string>{"127.0.0.1"};
    };
    r = cancelled_send(o, mail_to({"a@example.org"}), asked.get_future());
    EXPECT_EQ(r.error, errc::cancelled) << explain(r);
    release.set_value();
}

TEST(Cancelling, InTheMiddleOfTheContent) {
    std::promise<void> reached;
    std::promise<void> over;
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        p.until("BDAT");
        reached.set_value();
        over.get_future().wait();
    }});
    const send_result r =
        cancelled_send(options_for(s.port()), mail_to({"a@example.org"}, std::string(30'000'000, 'x')),
                       reached.get_future());
    over.set_value();
    EXPECT_EQ(r.error, errc::cancelled) << explain(r);
    EXPECT_EQ(r.recipients[0].outcome, disposition::transient) << "provably not accepted";
}

TEST(Cancelling, OneOfSeveralThatWait) {
    std::promise<void> go;
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        go.get_future().wait();
        p.take_message();
        p.take_message();
        p.drain();
    }});
    asio::io_context context;
    client c(context.get_executor(), options_for(s.port()));
    asio::cancellation_signal signal;
    std::string order;
    c.async_send(mail_to({"a@example.org"}), [&](const send_result& r) { order += r.ok() ? "1" : "x"; });
    c.async_send(mail_to({"b@example.org"}),
                 asio::bind_cancellation_slot(signal.slot(), [&](const send_result& r) {
                     EXPECT_EQ(r.error, errc::cancelled);
                     EXPECT_EQ(r.recipients[0].outcome, disposition::transient);
                     order += "2";
                     go.set_value();
                 }));
    c.async_send(mail_to({"c@example.org"}), [&](const send_result& r) { order += r.ok() ? "3" : "x"; });
    asio::post(context, [&] { signal.emit(asio::cancellation_type::total); });
    context.run();
    EXPECT_EQ(order, "213");
    EXPECT_EQ(s.trouble(), "");
}

TEST(Cancelling, ByClosingOrByGoing) {
    std::promise<void> reached;
    scripted_server s({[&](peer& p) {
        p.greet(modern);
        p.until("BDAT");
        reached.set_value();
        p.drain();
    }});
    asio::io_context context;
    auto c = std::make_unique<client>(context.get_executor(), options_for(s.port()));
    unsigned ended = 0;
    c->async_send(mail_to({"a@example.org"}), [&](const send_result& r) {
        EXPECT_EQ(r.error, errc::cancelled);
        EXPECT_EQ(r.recipients[0].outcome, disposition::in_doubt);
        ++ended;
    });
    c->async_quit([&](const status& q) {
        EXPECT_EQ(q.error, errc::cancelled);
        ++ended;
    });
    std::thread other([&] {
        reached.get_future().wait();
        asio::post(context, [&] { c.reset(); });
    });
    context.run();
    other.join();
    EXPECT_EQ(ended, 2U);
}

TEST(Cancelling, ABlockingCall) {
    std::promise<void> reached;
    scripted_server s({[&](peer& p) {
                           p.greet({});
                           p.until("MAIL");
                           reached.set_value();
                           p.drain();
                       },
                       friendly});
    blocking_client c(options_for(s.port()));
    std::thread other([&] {
        reached.get_future().wait();
        c.cancel();
    });
    const send_result r = c.send(mail_to({"a@example.org"}));
    other.join();
    EXPECT_EQ(r.error, errc::cancelled) << explain(r);
    c.cancel(); // nothing is under way: nothing is cancelled
    EXPECT_TRUE(c.send(mail_to({"a@example.org"})).ok());
}

TEST(Cancelling, ABlockingCallThatConnects) {
    scripted_server s({[](peer& p) { p.drain(); }, friendly});
    const silent_address dead("127.0.0.2", s.port());
    client_options o = options_for(s.port());
    o.server.host = "mail.test";
    std::vector<std::string> addresses{"127.0.0.2"};
    o.resolver = [&addresses](const std::string&) { return addresses; };
    std::function<void()> before = [] {};
    o.address_filter = [&before](std::string_view) {
        before();
        return true;
    };
    blocking_client c(o);
    std::promise<void> reached;
    before = [&reached] { reached.set_value(); };
    std::thread other([&] {
        reached.get_future().wait();
        std::this_thread::sleep_for(std::chrono::milliseconds(200)); // it has waited in vain, and waits on
        c.cancel();
    });
    send_result r = c.send(mail_to({"a@example.org"}));
    other.join();
    EXPECT_EQ(r.error, errc::cancelled) << explain(r);
    EXPECT_EQ(r.at, stage::connect);

    // Between the look-up and the socket, when there is nothing yet that could be ended.
    addresses = {"127.0.0.1"};
    before = [&c] { c.cancel(); };
    r = c.send(mail_to({"a@example.org"}));
    EXPECT_EQ(r.error, errc::cancelled) << explain(r);
    EXPECT_EQ(r.recipients[0].outcome, disposition::transient);

    before = [] {};
    r = c.send(mail_to({"a@example.org"}));
    EXPECT_TRUE(r.ok()) << explain(r);
}

// --- what is shown ---

TEST(Transcript, ForeignTextIsMadeVisible) {
    scripted_server s({[](peer& p) {
        p.send("220 \x1b[31mred \xE2\x80\xAEgnp.exe \xFF b\xC3\xBC"
               "cher\r\n");
        p.answer_ehlo({});
        p.drain();
    }});
    client_options o = options_for(s.port());
    std::string all;
    o.transcript = [&all](const transcript_line& l) { all += std::string(l.text) + "\n"; };
    ASSERT_TRUE(blocking_client(o).connect().ok());
    EXPECT_EQ(all, "220 \\x1b[31mred \\u{202e}gnp.exe \\xff b\xC3\xBC"
                   "cher\nEHLO localhost\n250 server.test\n");
}

TEST(Transcript, AServerThatRepeatsThePasswordIsMasked) {
    scripted_server s({[](peer& p) {
        p.greet({"AUTH PLAIN"});
        p.until("AUTH");
        p.send("535-5.7.8 wrong: hunter2 aHVudGVyMg== 68756E74657232\r\n535 5.7.8 AGFsaWNlAGh1bnRlcjI=\r\n");
        p.drain();
    }});
    client_options o = options_for(s.port());
    o.allow_auth_in_clear = true;
    o.credentials.emplace();
    o.credentials->user = "alice";
    o.credentials->password = secret("hunter2");
    std::string all;
    o.transcript = [&all](const transcript_line& l) { all += std::string(l.text) + "\n"; };
    const status r = blocking_client(o).connect();
    EXPECT_EQ(r.error, errc::auth_refused) << explain(r);
    for (const char* form : {"hunter2", "aHVudGVyMg", "68756E74657232", "AGFsaWNlAGh1bnRlcjI"}) {
        EXPECT_EQ(all.find(form), std::string::npos) << all;
        EXPECT_EQ(r.text.find(form), std::string::npos) << r.text;
    }
}

} // namespace
