// SPDX-License-Identifier: MIT
// What few models or runs ask for, of one of the lane's queries and all of its keys, by way of shared
// memory: scores that are more than a product and a scale; places whose probabilities are edited;
// and their weights.
void rescore(uint a, uint first, Seen at, uint visible, uint last) {
  for (uint b = 0; b < kOwnKeys; ++b) {
    const uint key = first + key_of(b);
    if (key >= visible && key <= last) put_weight(a, b, score_from(weight_at(a, b), at, key));
  }
}
void leave_edited(uint a, uint first, Seen at, uint visible, uint last) {
  for (uint b = 0; b < kOwnKeys; ++b) {
    const uint key = first + key_of(b);
    const bool sees = key >= visible && key <= last;
    if (sees && edits_of(key, at.head, kOfProbabilities) != 0) put_weight(a, b, 0);
  }
}
void weigh_edited(uint a, uint first, Seen at, uint visible, uint last, float largest, float sum) {
  for (uint b = 0; b < kOwnKeys; ++b) {
    const uint key = first + key_of(b);
    const bool sees = key >= visible && key <= last;
    const uint marks = sees ? edits_of(key, at.head, kOfProbabilities) : 0;
    float weight = 0;
    if (marks != 0) {
      const float own = score_from(weight_at(a, b), at, key);
      weight = edited_by(marks, exp_of(own - largest) / sum);
    }
    put_weight(a, b, weight);
  }
}
#define RESCORE(a) rescore(a, first, seen[a], visible[a], last[a]);
#define LEAVE_EDITED(a) leave_edited(a, first, seen[a], visible[a], last[a]);
#define WEIGH_EDITED(a) weigh_edited(a, first, seen[a], visible[a], last[a], largest[a], sum[a]);
