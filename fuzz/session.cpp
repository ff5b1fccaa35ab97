// A whole session: the octets say how it is set up, what the server says, where the line breaks. An auditor
// that knows only what went over the line says what may be claimed about each recipient.
//
// The first two octets are settings. Each further octet is a step: 00xxxxxx a usual reply, 01xxxxxx so many
// octets of the input as they are, 10xxxxxx so many octets written, 11xxxxxx an event.
#include "postrider/session.hpp"

#include "auditor.hpp"
#include "expect.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>

using namespace postrider;

static constexpr std::string_view usual[] = {
    "220 mx.example.net ESMTP\r\n",
    "250 ok\r\n",
    "250-mx\r\n250-PIPELINING\r\n250 SIZE 1000\r\n",
    "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-8BITMIME\r\n250-DSN\r\n250 "
    "SMTPUTF8\r\n",
    "250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
    "250-mx\r\n250-AUTH LOGIN\r\n250 PIPELINING\r\n",
    "354 go on\r\n",
    "334 \r\n",
    "334 VXNlcm5hbWU6\r\n",
    "235 2.7.0 welcome\r\n",
    "421 4.3.2 closing\r\n",
    "450 4.2.0 later\r\n",
    "550 5.1.1 no\r\n",
    "503 5.5.1 what\r\n",
    "500 unknown\r\n",
    "221 bye\r\n",
    "250-2.1.0 several\r\n250 2.1.0 lines\r\n",
    "251 forwarded\r\n",
    "250",
    "\r\n",
    "2",
    "554-x\r\n",
};

namespace {

class play {
  public:
    play(std::uint8_t first, std::uint8_t second)
        : manual_((second & 1) != 0), lmtp_((first & 1) != 0), config_(configure(first, second)),
          s_(config_, space_), audit_(lmtp_) {
        for (std::size_t i = 0; i < transactions_.size(); ++i) {
            prepare(i, second);
        }
    }

    void run(std::string_view steps) {
        while (!steps.empty() && !s_.is_closed()) {
            const auto op = static_cast<unsigned char>(steps[0]);
            steps.remove_prefix(1);
            step(op, steps);
            if (!manual_) {
                pump(1U << 20);
            }
            observe();
        }
        s_.lost(errc::connection_lost);
        observe();
        judge();
    }

  private:
    session_config configure(std::uint8_t first, std::uint8_t second) {
        session_config c;
        c.protocol = lmtp_ ? protocol::lmtp : protocol::smtp;
        c.tls = static_cast<tls_policy>(first >> 1 & 3);
        c.use_pipelining = (first & 8) == 0;
        c.use_chunking = (first & 16) == 0;
        c.window = (first & 32) != 0 ? 3 : 1;
        c.initial_response = (first & 64) == 0;
        c.max_chunk = (first & 128) != 0 ? 5 : 1000;
        c.allow_auth_in_clear = (second & 2) != 0;
        c.max_outstanding = (second & 4) != 0 ? 2 : 100;
        c.mechanisms = std::span{mechanisms_}.first((second & 8) != 0 ? 2 : 0);
        return c;
    }

    void prepare(std::size_t i, std::uint8_t second) {
        transaction& t = transactions_[i];
        auto& to = recipients_[i];
        to[0] = recipient{*forward_path::parse("bob@example.net")};
        to[1] = recipient{*forward_path::parse("\"carol > x\"@[192.0.2.1]")};
        t.from = *reverse_path::parse("alice@example.org");
        t.recipients = std::span{to}.first(i == 2 ? 1 : 2);
        t.content = content_;
        t.more_content = (second & 16) != 0 && i == 1;
        t.all_or_nothing = (second & 32) != 0 && i == 0;
        t.body = (second & 64) != 0 && i == 1 ? body_type::binary : body_type::seven_bit;
        t.probe = (second & 128) != 0 && i == 2;
    }

    void step(unsigned op, std::string_view& input) {
        const unsigned n = op & 63U;
        switch (op >> 6) {
        case 0:
            hear(usual[n % std::size(usual)]);
            break;
        case 1: {
            const std::string_view raw = input.substr(0, n + 1);
            input.remove_prefix(raw.size());
            hear(raw);
            break;
        }
        case 2:
            pump(n + 1);
            break;
        default:
            event(n);
        }
    }

    void event(unsigned n) {
        const want w = s_.next(now_);
        switch (n) {
        case 0:
        case 1:
            if (w == want::content) {
                s_.lend(content_, n == 1);
            }
            break;
        case 2:
        case 3:
            if (w == want::start_tls) {
                audit_.tls();
                s_.tls_started(n == 2);
            }
            break;
        case 4:
            EXPECT(w == want::ready || w == want::content || w == want::closed || s_.deadline() != never);
            if (s_.deadline() != never) {
                now_ = s_.deadline();
                EXPECT(s_.next(now_) == want::closed);
            }
            break;
        case 5:
            s_.lost(errc::tls_truncated);
            break;
        case 6:
            if (w == want::content) {
                s_.content_failed(errc::content_unreadable);
            }
            break;
        case 7:
            s_.quit();
            break;
        case 8:
            if (w == want::ready) {
                static_cast<void>(s_.ask(query::vrfy, "bob"));
            }
            break;
        case 9:
            if (s_.can_submit() && submitted_ < transactions_.size()) {
                s_.submit(transactions_[submitted_++]);
            }
            break;
        case 10: // taken, and then the line breaks
            while (!s_.output().empty()) {
                s_.taken(s_.output().size());
            }
            s_.lost(errc::connection_lost);
            break;
        default:
            now_ += n;
        }
    }

    void hear(std::string_view octets) {
        s_.next(now_);
        while (!octets.empty() &&
               !s_.is_closed()) { // reply by reply: the auditor must not hear more than the session
            const auto end = octets.find('\n');
            const std::string_view piece =
                octets.substr(0, end == std::string_view::npos ? octets.size() : end + 1);
            audit_.server(piece);
            s_.received(piece);
            octets.remove_prefix(piece.size());
        }
    }

    void pump(std::size_t limit) {
        for (std::size_t turns = 0; limit > 0; ++turns) {
            EXPECT(turns < 100'000); // nothing is asked for that makes no difference
            const want w = s_.next(now_);
            if (w != want::write) {
                return;
            }
            const std::string_view out = s_.output();
            const std::size_t n = std::min(out.size(), limit);
            EXPECT(n > 0);
            for (const char c : out.substr(0, n)) {
                const auto octet = static_cast<unsigned char>(c);
                EXPECT(audit_.amid_content() || octet >= 0x20 || c == '\r' || c == '\n');
                audit_.client({&c, 1});
            }
            s_.written(n);
            limit -= n;
        }
    }

    // What is settled stays as it is.
    void observe() {
        for (std::size_t i = 0; i < submitted_; ++i) {
            for (std::size_t r = 0; r < transactions_[i].recipients.size(); ++r) {
                const outcome& o = recipients_[i][r].result;
                std::optional<disposition>& before = seen_[i][r];
                EXPECT(!before || *before == o.status || o.error == errc::unexpected_reply);
                if (o.settled()) {
                    before = o.status;
                }
            }
        }
    }

    void judge() {
        EXPECT(s_.is_closed() && s_.next(now_) == want::closed && s_.output().empty());
        std::size_t mail = 0;
        for (std::size_t i = 0; i < submitted_; ++i) {
            const errc e = recipients_[i][0].result.error;
            const bool sent = e != errc::message_too_large && e != errc::needs_binarymime;
            const std::size_t index = sent ? mail++ : transactions_.size();
            EXPECT(transactions_[i].completed());
            for (std::size_t r = 0; r < transactions_[i].recipients.size(); ++r) {
                judge(recipients_[i][r].result, index, r, transactions_[i].probe);
            }
        }
    }

    void judge(const outcome& o, std::size_t mail, std::size_t r, bool probe) {
        using kind = wire::claim::kind;
        const kind c = mail < audit_.transactions() ? audit_.of(mail, r, true).what : kind::none;
        EXPECT(o.settled() || (probe && o.status == disposition::accepted));
        EXPECT((o.status == disposition::delivered) == (c == kind::delivered));
        EXPECT((o.status == disposition::in_doubt) == (c == kind::in_doubt));
    }

    bool manual_;
    bool lmtp_;
    std::string content_ = "Hello\n.\r\nWorld";
    plain_mechanism plain_{"user", "password"};
    login_mechanism login_{"user", "password"};
    std::array<mechanism*, 2> mechanisms_{&plain_, &login_};
    std::array<char, 96> space_{};
    session_config config_;
    session s_;
    wire::auditor audit_;
    std::array<std::array<recipient, 2>, 3> recipients_{};
    std::array<transaction, 3> transactions_{};
    std::array<std::array<std::optional<disposition>, 2>, 3> seen_{};
    std::size_t submitted_ = 0;
    instant now_ = 1;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 2) {
        play(data[0], data[1]).run({reinterpret_cast<const char*>(data) + 2, size - 2});
    }
    return 0;
}
