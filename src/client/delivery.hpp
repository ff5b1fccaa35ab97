// delivery.hpp - one outgoing message on its way through the engine: texts become paths, outcomes become
// results.
#pragma once

#include "postrider/client.hpp"

#include <boost/container/small_vector.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace postrider::line {

class delivery {
  public:
    /// So many octets of it are used for most messages, from its first member on, the transaction.
    static constexpr std::size_t usual_size = 800;

    /// `probe`: only ask, see client::async_probe.
    delivery(outgoing&& mail, bool probe);
    delivery(const delivery&) = delete;
    delivery& operator=(const delivery&) = delete;

    /// What the outcomes mean for what to do next.
    struct verdict {
        bool delivered = false;          ///< to all
        bool nobody_has_it = false;      ///< provably
        bool out_of_turn = false;        ///< a 503 (RFC 5321 4.3.2)
        bool fell_with_the_line = false; ///< the server refused nothing; the session ended
        bool bystander = false;          ///< and that was another message's fault
    };

    /// Parses every address. False when there is nobody left to send to: take_results() then says why.
    bool parse();
    bool parsed() const { return parsed_; }
    /// Once the server's keywords are known: composes the message and fills in transaction(). Once; then
    /// again after restart(), for another session. False: as parse().
    bool prepare(const capabilities& offered);
    /// What to submit; complete after prepare().
    postrider::transaction& transaction() { return transaction_; }
    /// Forgets what became of the transaction: nobody has the message because of it.
    void restart() { transaction_ = {}; }
    verdict judge() const;
    /// The next part of the content, lent to the session; or the failure to read it.
    void lend_to(session& s);

    /// Nobody gets the message because of this.
    void fail(errc error, stage at, const status& why = {});
    /// Whoever is not settled may have got it: the transaction goes on without us.
    void leave_in_doubt(errc error);
    /// The outcomes so far. Only once.
    send_result take_results();

    /// What it refers to is about to be needed; it itself is at hand.
    void foresee_texts() const;

    const outgoing& mail() const { return mail_; }
    std::uint64_t total() const { return total_; }
    /// Calls on_progress if that is new. `octets` of the content were handed to the system since the last
    /// time.
    void report(stage at, std::uint64_t octets = 0);

  private:
    struct rcpt {
        explicit rcpt(std::size_t i) : index(i) {} // and leaves the reply as it is

        std::size_t index;           // in outgoing::recipients
        std::string converted;       // what the path refers to where that is not the text as given
        std::array<char, 512> reply; // RFC 5321 4.5.3.1.5
    };

    void parse_recipient(std::size_t index);
    void settle(std::size_t index, errc error, stage at, std::string why);
    void drop_open(errc error, stage at, const std::string& why);
    bool read_content(const capabilities& offered);
    bool choose_body(const content_traits& traits);
    bool choose_addresses(const capabilities& offered);
    bool add_recipient(std::size_t index, bool utf8_offered);
    bool lend_first();

    // Most messages have one recipient, and take no room of their own for it.
    template <class T>
    using few = boost::container::small_vector<T, 1>;

    // What each message needs stands together; of the last one mostly the beginning.
    postrider::transaction transaction_;
    few<recipient> recipients_;
    outgoing mail_;                           // the recipients' addresses aside
    std::vector<recipient_outcome> outcomes_; // with the addresses
    reverse_path from_;                       // of the texts as given
    few<forward_path> paths_;
    std::uint64_t total_ = 0;
    std::uint64_t unread_ = 0;
    std::uint64_t handed_ = 0;
    bool probe_;
    bool parsed_ = false;
    bool reported_once_ = false;
    progress reported_;
    std::unique_ptr<content::reader> reader_; // null for what is lent in one piece
    std::string detail_;
    std::string converted_from_;
    few<rcpt> rcpts_;
};

} // namespace postrider::line
