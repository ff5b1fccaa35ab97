// Sends one message to several recipients, and waits.
//
//     PASSWORD=... blocking_send HOST PORT CA_FILE USER FROM TO...
#include "arguments.hpp"
#include "postrider/client.hpp"
#include "postrider/message.hpp"

#include <string>

namespace {

postrider::outgoing mail_of(const postrider::draft& draft) {
    postrider::outgoing mail;
    mail.from = draft.reverse_path();
    for (const std::string& recipient : draft.recipients()) {
        mail.recipients.emplace_back(recipient);
    }
    // Called once the server's keywords are known, to compose what it takes.
    mail.compose = [draft](const postrider::capabilities& offered, std::string& why) {
        postrider::composition how;
        how.eight_bit = offered.has(postrider::keyword::eight_bit_mime);
        how.smtputf8 = offered.has(postrider::keyword::smtputf8);
        return postrider::compose(draft, how, &why);
    };
    return mail;
}

} // namespace

int main(int argc, char** argv) {
    const std::optional<arguments> given = arguments_of(argc, argv);
    if (!given) {
        return 64;
    }
    postrider::draft draft;
    draft.from = {{"", given->from}};
    for (const std::string& recipient : given->to) {
        draft.to.push_back({"", recipient});
    }
    draft.subject = "Grüße";
    draft.text = "Hello, all of you\n.\n";

    postrider::blocking_client client(given->options);
    const postrider::send_result result = client.send(mail_of(draft));
    show(result);
    client.quit();
    return result.all_delivered() ? 0 : 1;
}
