// auditor.hpp - what may be claimed about each recipient, worked out from the octets on the line alone.
//
// It shares no code with the engine: it parses the client's and the server's octets by itself, counts which
// reply answers which command, and knows the rule for doubt. A reply is final only when the terminator was on
// the line before the reply began.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

/// What the line says about one recipient.
struct claim {
    enum class kind : std::uint8_t { none, accepted, refused, delivered, in_doubt };
    kind what = kind::none;
    int code = 0;
};

class auditor {
  public:
    explicit auditor(bool lmtp) : lmtp_(lmtp) { owed_.push_back({what::greeting}); }

    void client(std::string_view octets);
    void server(std::string_view octets);
    /// The TLS handshake was done: both directions start afresh.
    void tls();

    /// Number of transactions whose MAIL command was on the line, whole.
    std::size_t transactions() const { return transactions_.size(); }
    /// The claim for the `recipient`-th RCPT of the `transaction`-th MAIL. `over`: the line is gone.
    claim of(std::size_t transaction, std::size_t recipient, bool over) const;
    /// The terminator of that transaction was on the line.
    bool ended(std::size_t transaction) const;
    /// No command waits for a reply; a reply now is one that nobody asked for.
    bool nothing_owed() const { return owed_.empty(); }
    /// The client is in the middle of its content.
    bool amid_content() const { return mode_ == mode::data || mode_ == mode::chunk; }
    /// QUIT was said, and every reply to what was before it has come.
    bool only_quit_owed() const { return quit_ && owed_.size() <= 1; }
    /// No octet of a reply, of a command, is left unfinished.
    bool server_between_replies() const { return reply_.empty() && !continues_; }
    /// The dialogue went off the rails: nothing after this point counts.
    bool derailed() const { return derailed_; }

  private:
    enum class what : std::uint8_t { greeting, other, auth, query, quit, mail, rcpt, data, chunk, final };
    enum class mode : std::uint8_t { command, response, data, chunk };
    struct awaited {
        what kind = what::other;
        std::size_t transaction = 0;
        std::size_t recipient = 0;
        bool last = false;
    };
    struct one {
        claim settled;         // refused or delivered
        bool accepted = false; // RCPT got its 2yz
    };
    struct mail {
        std::vector<one> recipients;
        bool ended = false;
        int refusal = 0;            // MAIL's, 0 for none
        bool contradiction = false; // MAIL was refused, recipients and content were taken
        std::size_t finals = 0;     // LMTP: how many have come
    };

    void command(const std::string& line);
    void end_of_content();
    void content_octet(char c);
    void reply_line(std::string_view line);
    void reply(int code);
    void mail_reply(const awaited& a, int code);
    void final_reply(mail& m, int code);
    static void settle(one& r, int code);
    void settle_all(mail& m, int code);

    bool lmtp_;
    mode mode_ = mode::command;
    std::string line_;
    std::string tail_ = "\r\n"; // of the content
    std::uint64_t chunk_left_ = 0;
    bool chunk_last_ = false;
    std::string reply_;
    int code_ = 0;
    bool continues_ = false;
    bool unasked_ = false;
    bool derailed_ = false;
    bool quit_ = false;
    std::deque<awaited> owed_;
    std::vector<mail> transactions_;
};

} // namespace wire
