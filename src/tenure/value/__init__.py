"""What customers are worth: what they brought, what they will probably bring, who carries the business."""
