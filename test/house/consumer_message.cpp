#include <postrider/message.hpp>

#include <iostream>

int main() {
    postrider::draft letter;
    letter.from = {{"Alice", "alice@example.org"}};
    letter.to = {{"Bob", "bob@example.net"}};
    letter.subject = "Grüße";
    letter.text = postrider::content("Hello\n");
    const auto composed = postrider::compose(letter);
    std::cout << (composed ? "composed" : postrider::message(composed.error())) << '\n';
    return composed && composed->size() > 0 ? 0 : 1;
}
