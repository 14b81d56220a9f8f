output "bucket" {
  description = "Bucket for the state."
  value       = module.state.name
}

output "lock_table" {
  description = "DynamoDB table for locks; null to lock in the bucket."
  value       = one(aws_dynamodb_table.lock[*].name)
}

output "charts_bucket" {
  description = "Bucket for charts; null without one."
  value       = one(module.charts[*].name)
}

output "labels" {
  description = "Tags of everything."
  value       = local.tags
}
