#include "auditor.hpp"

#include <cctype>

namespace wire {

void auditor::client(std::string_view octets) {
    for (const char c : octets) {
        switch (mode_) {
        case mode::data:
            content_octet(c);
            break;
        case mode::chunk:
            if (--chunk_left_ == 0) {
                end_of_content();
            }
            break;
        default:
            line_ += c;
            if (line_.ends_with("\r\n")) {
                const std::string line = line_.substr(0, line_.size() - 2);
                line_.clear();
                command(line);
            }
        }
    }
}

void auditor::content_octet(char c) {
    tail_ += c;
    if (tail_.ends_with("\r\n.\r\n")) {
        end_of_content();
    } else if (tail_.size() > 8) {
        tail_.erase(0, tail_.size() - 5);
    }
}

void auditor::end_of_content() {
    const bool chunk = mode_ == mode::chunk;
    mode_ = mode::command;
    const std::size_t t = transactions_.size() - 1;
    mail& m = transactions_.back();
    if (chunk && !chunk_last_) {
        owed_.push_back({what::chunk, t});
        return;
    }
    m.ended = true;
    std::size_t finals = 1;
    if (lmtp_) {
        finals = 0;
        for (const one& r : m.recipients) {
            finals += r.accepted ? 1 : 0;
        }
    }
    for (std::size_t i = 0; i < finals; ++i) {
        owed_.push_back({what::final, t});
    }
}

void auditor::command(const std::string& line) {
    if (mode_ == mode::response) {
        mode_ = mode::command;
        owed_.push_back({what::auth});
        return;
    }
    std::string verb = line.substr(0, line.find(' '));
    for (char& c : verb) {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    const std::size_t t = transactions_.empty() ? 0 : transactions_.size() - 1;
    if (verb == "MAIL") {
        transactions_.emplace_back();
        owed_.push_back({what::mail, transactions_.size() - 1});
    } else if (verb == "RCPT") {
        owed_.push_back({what::rcpt, t, transactions_.back().recipients.size()});
        transactions_.back().recipients.emplace_back();
    } else if (verb == "DATA") {
        owed_.push_back({what::data, t});
    } else if (verb == "BDAT") {
        chunk_left_ = std::stoull(line.substr(5));
        chunk_last_ = line.ends_with(" LAST");
        mode_ = mode::chunk;
        if (chunk_left_ == 0) {
            end_of_content();
        }
    } else if (verb == "AUTH") {
        owed_.push_back({what::auth});
    } else if (verb == "QUIT") {
        quit_ = true;
        owed_.push_back({what::quit});
    } else {
        const bool hello = verb == "EHLO" || verb == "HELO" || verb == "LHLO";
        owed_.push_back({hello || verb == "STARTTLS" || verb == "RSET" ? what::other : what::query});
    }
}

void auditor::server(std::string_view octets) {
    for (const char c : octets) {
        if (reply_.empty() && !continues_) {
            unasked_ = owed_.empty();
        }
        reply_ += c;
        if (c == '\n') {
            const std::string line = reply_.substr(0, reply_.size() - (reply_.ends_with("\r\n") ? 2 : 1));
            reply_.clear();
            if (!derailed_) {
                reply_line(line);
            }
        }
    }
}

void auditor::reply_line(std::string_view line) {
    const bool digits = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' && line[1] >= '0' &&
                        line[1] <= '5' && line[2] >= '0' && line[2] <= '9';
    const bool separated = line.size() <= 3 || line[3] == ' ' || line[3] == '-';
    const bool nul = line.find('\0') != std::string_view::npos;
    if (!digits || !separated || nul || line.size() > 2046 ||
        (line.size() > 3 && line[3] != '-' && line[3] != ' ')) {
        derailed_ = true;
        return;
    }
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (continues_ && code != code_) {
        derailed_ = true;
        return;
    }
    code_ = code;
    continues_ = line.size() > 3 && line[3] == '-';
    if (!continues_) {
        reply(code);
    }
}

void auditor::reply(int code) {
    const int first = code / 100;
    if (unasked_ || owed_.empty()) {
        if (amid_content() && (first == 4 || first == 5) && code != 421) {
            settle_all(transactions_.back(), code);
        }
        derailed_ = true;
        return;
    }
    const awaited a = owed_.front();
    owed_.pop_front();
    switch (a.kind) {
    case what::greeting:
    case what::other:
    case what::query:
    case what::quit:
        break;
    case what::auth:
        mode_ = code == 334 ? mode::response : mode_;
        break;
    default:
        mail_reply(a, code);
    }
    derailed_ = derailed_ || code == 421;
}

void auditor::mail_reply(const awaited& a, int code) {
    mail& m = transactions_[a.transaction];
    const int first = code / 100;
    const bool allowed =
        !(code == 221 && quit_) && (a.kind == what::data ? first >= 4 || code == 354 : first != 3);
    if (!allowed) {
        derailed_ = true;
        return;
    }
    if (a.kind == what::mail) {
        m.refusal = first == 2 ? 0 : code; // holds for recipients whose RCPT is still to come, too
    } else if (a.kind == what::rcpt) {
        m.recipients[a.recipient].accepted = first == 2;
        if (first != 2) {
            settle(m.recipients[a.recipient], code);
        }
    } else if (a.kind == what::data && code == 354) {
        mode_ = mode::data;
        tail_ = "\r\n";
    } else if ((a.kind == what::data || a.kind == what::chunk) && first != 2) {
        settle_all(m, code);
    } else if (a.kind == what::final) {
        final_reply(m, code);
    }
}

void auditor::final_reply(mail& m, int code) {
    std::size_t n = 0;
    for (const one& r : m.recipients) {
        n += r.accepted ? 1 : 0;
    }
    m.contradiction = m.refusal != 0 && code / 100 == 2 && n > 0;
    if (!lmtp_) {
        settle_all(m, code);
        return;
    }
    n = 0;
    for (one& r : m.recipients) {
        if (r.accepted && n++ == m.finals) {
            settle(r, code);
            break;
        }
    }
    ++m.finals;
}

void auditor::settle(one& r, int code) {
    if (r.settled.what != claim::kind::none) {
        return;
    }
    r.settled = {code / 100 == 2 ? claim::kind::delivered : claim::kind::refused, code};
}

void auditor::settle_all(mail& m, int code) {
    for (one& r : m.recipients) {
        settle(r, code);
    }
}

claim auditor::of(std::size_t transaction, std::size_t recipient, bool over) const {
    const mail& m = transactions_.at(transaction);
    if (m.contradiction) {
        return {claim::kind::in_doubt, 0};
    }
    if (m.refusal != 0) {
        return {claim::kind::refused, m.refusal};
    }
    const bool asked = recipient < m.recipients.size();
    if (asked && m.recipients[recipient].settled.what != claim::kind::none) {
        return m.recipients[recipient].settled;
    }
    if (over && m.ended) {
        return {claim::kind::in_doubt, 0};
    }
    return {asked && m.recipients[recipient].accepted ? claim::kind::accepted : claim::kind::none, 0};
}

bool auditor::ended(std::size_t transaction) const {
    return transactions_.at(transaction).ended;
}

void auditor::tls() {
    line_.clear();
    reply_.clear();
    continues_ = false;
}

} // namespace wire
